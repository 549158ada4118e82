#!/usr/bin/env bash
# _l4gate.sh: runs a verb of l4gate for the scripts beside it. They source this file; it does nothing by itself.
#
# Usage: source _l4gate.sh && run_l4gate VERB [ARGUMENT...]
#
# Takes the l4gate of the checkout that this file is in, else of the environment that it was installed into, else the
# one on PATH.
#
# Exit codes: those of the verb; 69 l4gate is not installed.
set -euo pipefail
export LC_ALL=C

run_l4gate() {
  local root program
  root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
  program=$root/.venv/bin/l4gate
  # In a wheel the root is ENVIRONMENT/lib/PYTHON/site-packages/l4gate/_files.
  [[ $root != */l4gate/_files ]] || program=$(cd -- "$root/../../../../.." && pwd)/bin/l4gate
  [[ -x $program ]] || program=$(command -v l4gate) || {
    printf '%s: expected l4gate in %s/.venv or on PATH, found neither. Next: run make in %s.\n' \
      "${0##*/}" "$root" "$root" >&2
    exit 69
  }
  exec "$program" "$@"
}
