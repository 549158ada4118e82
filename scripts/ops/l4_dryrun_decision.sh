#!/usr/bin/env bash
# l4_dryrun_decision.sh: GO, HOLD or ABORT for a running server; changes nothing.
#
# Usage: l4_dryrun_decision.sh --url URL [OPTION...]     every option of `l4gate decide` (see l4gate decide --help)
#
# Environment: L4_URL and the other variables of l4gate.
#
# Exit codes: 0 GO, 10 HOLD, 20 ABORT, 2 usage, 69 l4gate is not installed.
set -euo pipefail

source "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/_l4gate.sh" || exit 69
run_l4gate decide "$@"
