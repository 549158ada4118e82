#!/usr/bin/env bash
# l4_dryrun_rollback.sh: restore the last configuration that earned a GO, reload, and judge again.
#
# Usage: l4_dryrun_rollback.sh --url URL --live-dir DIR [--to HASH] [OPTION...]
#        every option of `l4gate rollback` (see l4gate rollback --help)
#
# Environment: L4_URL, L4_LIVE_DIR, L4_STATE_DIR and the other variables of l4gate.
#
# Exit codes: 0 restored and GO, 10 refused or not proven, 20 restored but an abort alert still fires, 2 usage,
#             69 l4gate is not installed.
set -euo pipefail
export LC_ALL=C

main() {
  local root
  root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
  if [[ -x $root/.venv/bin/l4gate ]]; then
    exec "$root/.venv/bin/l4gate" rollback "$@"
  elif command -v l4gate >/dev/null; then
    exec l4gate rollback "$@"
  fi
  printf '%s: expected l4gate in %s/.venv or on PATH, found neither. Next: run make in %s.\n' \
    "${0##*/}" "$root" "$root" >&2
  exit 69
}

main "$@"
