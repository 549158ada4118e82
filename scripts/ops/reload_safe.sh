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

source "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/_l4gate.sh" || exit 69
run_l4gate reload "$@"
