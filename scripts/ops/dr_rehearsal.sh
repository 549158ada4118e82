#!/usr/bin/env bash
# dr_rehearsal.sh: lose a whole observation stack, restore it from a snapshot, and prove that nothing is missing.
#
# Usage: dr_rehearsal.sh [OPTION...]     every option of `l4gate rehearse` (see l4gate rehearse --help)
#
# Environment: L4_STACK and the other variables of l4gate.
#
# Exit codes: 0 restored, nothing lost, in time; 10 anything else, and why; 2 usage; 69 l4gate is not installed.
set -euo pipefail
export LC_ALL=C

main() {
  local root
  root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
  if [[ -x $root/.venv/bin/l4gate ]]; then
    exec "$root/.venv/bin/l4gate" rehearse "$@"
  elif command -v l4gate >/dev/null; then
    exec l4gate rehearse "$@"
  fi
  printf '%s: expected l4gate in %s/.venv or on PATH, found neither. Next: run make in %s.\n' \
    "${0##*/}" "$root" "$root" >&2
  exit 69
}

main "$@"
