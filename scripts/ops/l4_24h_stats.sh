#!/usr/bin/env bash
# l4_24h_stats.sh: what the last 24 hours prove, criterion by criterion, and which level that is.
#
# Usage: l4_24h_stats.sh --url URL [OPTION...]     every option of `l4gate certify` (see l4gate certify --help)
#
# Environment: L4_URL and the other variables of l4gate.
#
# Exit codes: 0 certified, 10 not certified or not measured, 20 an abort alert fired in the window, 2 usage,
#             69 l4gate is not installed.
set -euo pipefail
export LC_ALL=C

main() {
  local root
  root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
  if [[ -x $root/.venv/bin/l4gate ]]; then
    exec "$root/.venv/bin/l4gate" certify --window 24h "$@"
  elif command -v l4gate >/dev/null; then
    exec l4gate certify --window 24h "$@"
  fi
  printf '%s: expected l4gate in %s/.venv or on PATH, found neither. Next: run make in %s.\n' \
    "${0##*/}" "$root" "$root" >&2
  exit 69
}

main "$@"
