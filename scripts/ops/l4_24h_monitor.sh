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

source "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/_l4gate.sh" || exit 69
run_l4gate watch --for 24h "$@"
