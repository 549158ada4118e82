#!/usr/bin/env bash
# l4_dryrun_decision.sh: GO, HOLD or ABORT for a running server; changes nothing.
#
# Usage: l4_dryrun_decision.sh --url URL [OPTION...]     every option of `l4gate decide` (see l4gate decide --help)
#
# Environment: L4_URL and the other variables of l4gate.
#
# Exit codes: 0 GO, 10 HOLD, 20 ABORT, 2 usage, 69 l4gate is not installed.
set -euo pipefail
export LC_ALL=C

main() {
  local root
  root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
  if [[ -x $root/.venv/bin/l4gate ]]; then
    exec "$root/.venv/bin/l4gate" decide "$@"
  elif command -v l4gate >/dev/null; then
    exec l4gate decide "$@"
  fi
  printf '%s: expected l4gate in %s/.venv or on PATH, found neither. Next: run make in %s.\n' \
    "${0##*/}" "$root" "$root" >&2
  exit 69
}

main "$@"
