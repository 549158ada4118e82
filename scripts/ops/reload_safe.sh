#!/usr/bin/env bash
# reload_safe.sh: check a configuration, make it live, and prove that the server runs it.
#
# Usage: reload_safe.sh [SOURCE] --url URL --live-dir DIR [OPTION...]
#        every option of `l4gate reload` (see l4gate reload --help)
#
# Environment: L4_URL, L4_LIVE_DIR and the other variables of l4gate.
#
# Exit codes: 0 live and proven, 10 refused (the old configuration goes on), 2 usage, 69 l4gate is not installed.
set -euo pipefail
export LC_ALL=C

main() {
  local root
  root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
  if [[ -x $root/.venv/bin/l4gate ]]; then
    exec "$root/.venv/bin/l4gate" reload "$@"
  elif command -v l4gate >/dev/null; then
    exec l4gate reload "$@"
  fi
  printf '%s: expected l4gate in %s/.venv or on PATH, found neither. Next: run make in %s.\n' \
    "${0##*/}" "$root" "$root" >&2
  exit 69
}

main "$@"
