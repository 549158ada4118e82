#!/usr/bin/env bash
# l4_24h_stats.sh: what the last 24 hours prove, criterion by criterion, and which level that is.
#
# Usage: l4_24h_stats.sh --url URL [OPTION...]     every option of `l4gate certify` (see l4gate certify --help)
#
# Environment: L4_URL and the other variables of l4gate.
#
# Exit codes: 0 certified, 10 not certified or not measured, 20 an abort alert fired in the window, 2 usage,
#             69 l4gate is not installed.
set -euo pipefail

source "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/_l4gate.sh" || exit 69
run_l4gate certify --window 24h "$@"
