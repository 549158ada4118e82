#!/usr/bin/env bash
# dr_rehearsal.sh: lose a whole observation stack, restore it from a snapshot, and prove that nothing is missing.
#
# Usage: dr_rehearsal.sh [OPTION...]     every option of `l4gate rehearse` (see l4gate rehearse --help)
#
# Environment: L4_STACK and the other variables of l4gate.
#
# Exit codes: 0 restored, nothing lost, in time; 10 anything else, and why; 2 usage; 69 l4gate is not installed.
set -euo pipefail

source "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/_l4gate.sh" || exit 69
run_l4gate rehearse "$@"
