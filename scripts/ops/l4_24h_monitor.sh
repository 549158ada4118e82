#!/usr/bin/env bash
# l4_24h_monitor.sh: follow the verdict for 24 hours; on ABORT roll back once and stop.
#
# Usage: l4_24h_monitor.sh --url URL [--since TIME] [--rollback --live-dir DIR] [OPTION...]
#        every option of `l4gate watch` (see l4gate watch --help)
#
# Environment: L4_URL, L4_LIVE_DIR, L4_STATE_DIR and the other variables of l4gate.
#
# Exit codes: 0 the window is certified, 10 it is not, 20 ABORT (whatever the rollback did), 2 usage,
#             69 l4gate is not installed, 130 interrupted: go on with the --since that it printed.
set -euo pipefail
export LC_ALL=C

main() {
  local root
  root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
  if [[ -x $root/.venv/bin/l4gate ]]; then
    exec "$root/.venv/bin/l4gate" watch --for 24h "$@"
  elif command -v l4gate >/dev/null; then
    exec l4gate watch --for 24h "$@"
  fi
  printf '%s: expected l4gate in %s/.venv or on PATH, found neither. Next: run make in %s.\n' \
    "${0##*/}" "$root" "$root" >&2
  exit 69
}

main "$@"
