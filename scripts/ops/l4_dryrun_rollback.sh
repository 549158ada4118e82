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

source "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/_l4gate.sh" || exit 69
run_l4gate rollback "$@"
