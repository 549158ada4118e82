#!/usr/bin/env bash
# Summary: runs the unit tests with the lowest version of each dependency that pyproject.toml allows.
#
# Usage: scripts/dev/lowest.sh [PYTEST_ARGUMENT ...]
#
# They are in an environment of their own, .venv-lowest, which scripts/dev/prepare.sh makes: PYTHON and pip's settings
# hold as there. A bound that is too low ends red here, and not on the machine of somebody who has old packages.
#
# Exit codes: pytest's; 2 also if the environment cannot be made.
set -euo pipefail
export LC_ALL=C

main() {
  if [[ ${1:-} == --help ]]; then
    sed -n '/^set /q; 2,$s/^# \{0,1\}//p' "$0"
    return
  fi
  cd "$(dirname "$0")/../.."
  scripts/dev/prepare.sh --lowest test
  exec .venv-lowest/bin/python -m pytest -n 4 --dist loadgroup tests/unit tests/lint tests/promql "$@"
}

main "$@"
