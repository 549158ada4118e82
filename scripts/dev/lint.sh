#!/usr/bin/env bash
# Summary: runs the linters over the tree and says at the end which of them found something.
#
# Usage: scripts/dev/lint.sh [NAME ...]
#
# Without a NAME all of them run: ruff, format, mypy, shellcheck, shfmt, yamllint, actionlint, zizmor. They are taken
# from .venv or from the tox environment that calls this; none of them needs the network.
#
# Exit codes:
#   0    nothing found
#   1    at least one linter found something
#   64   an unknown NAME
set -euo pipefail
export LC_ALL=C

lint_ruff() { ruff check .; }
lint_format() { ruff format --check .; }
lint_mypy() { mypy; }
lint_shellcheck() { shfmt --find .ci scripts tests | xargs shellcheck --external-sources --source-path=SCRIPTDIR; }
lint_shfmt() { shfmt --find .ci scripts tests | xargs shfmt --diff; }
lint_yamllint() { yamllint --strict .; }
lint_actionlint() { actionlint; }
lint_zizmor() { zizmor --offline --quiet --pedantic .github; }

main() {
  if [[ ${1:-} == --help ]]; then
    sed -n '/^set /q; 2,$s/^# \{0,1\}//p' "$0"
    return
  fi
  cd "$(dirname "$0")/../.."
  PATH=${VIRTUAL_ENV:-$PWD/.venv}/bin:$PATH
  local all=(ruff format mypy shellcheck shfmt yamllint actionlint zizmor) name failed=()
  (($#)) || set -- "${all[@]}"
  for name in "$@"; do
    declare -F "lint_$name" >/dev/null || {
      printf 'lint.sh: expected one of %s, found %s.\n' "${all[*]}" "$name" >&2
      exit 64
    }
    printf '== %s\n' "$name"
    "lint_$name" || failed+=("$name")
  done
  if ((${#failed[@]})); then
    printf 'lint.sh: findings from %s; see above.\n' "${failed[*]}" >&2
    exit 1
  fi
}

main "$@"
