#!/usr/bin/env bash
# Summary: makes .venv and installs l4gate into it; does nothing, and asks no network, when that is already done.
#
# Usage: scripts/dev/prepare.sh [--lowest] [EXTRA ...]
#
# The Makefile calls it before every target. An EXTRA is a name under [project.optional-dependencies] in
# pyproject.toml. Done means: the same pyproject.toml was installed before, with the same extra. With --lowest it is
# .venv-lowest, and each package that pyproject.toml names is installed in the lowest version that it allows.
#
# Environment:
#   PYTHON   the Python 3.11 or newer to build .venv from (default: python3)
#   pip's own configuration files and PIP_* variables are used as they are.
#
# Exit codes:
#   0   the environment is ready
#   2   no usable Python, or the packages could not be installed; stderr says what to do
set -euo pipefail
export LC_ALL=C

fail() {
  printf '%s: %s\n' "prepare.sh" "$*" >&2
  exit 2
}

check_python() { # PYTHON: one sentence for each way in which it cannot build a virtual environment
  local python=$1 version
  command -v "$python" >/dev/null || fail "expected Python 3.11 or newer as '$python', found no such program;" \
    "install python3, or name another: make PYTHON=/path/to/python3.11 ..."
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])') || fail "'$python' does not run."
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "expected Python 3.11 or newer," \
    "found $version at '$(command -v "$python")'; name another: make PYTHON=/path/to/python3.11 ..."
  "$python" -c 'import ensurepip, venv' 2>/dev/null || fail "Python $version at '$(command -v "$python")' lacks" \
    "its venv module; install it (Debian and Ubuntu: apt-get install python3-venv)."
}

lowest_versions() { # EXTRA: a constraint for pip from each lower bound
  .venv-lowest/bin/python - "$1" <<'PYTHON'
import sys, tomllib
with open("pyproject.toml", "rb") as file:
    project = tomllib.load(file)["project"]
for wanted in project["dependencies"] + project["optional-dependencies"][sys.argv[1]]:
    if "<" in wanted and ">=" not in wanted:
        continue  # an upper bound of a package whose lower bound stands elsewhere
    name, bound, rest = wanted.partition(">=")
    if not bound:
        sys.exit(f"prepare.sh: expected a lower bound (>=) in pyproject.toml, found {wanted!r}.")
    print(f"{name}=={rest.partition(',')[0]}")
PYTHON
}

install() { # VENV EXTRA STAMP: the stamp is written last, so that an interrupted installation is done again
  local venv=$1 extra=$2 stamp=$3 python=${PYTHON:-python3} constraints=()
  check_python "$python"
  printf 'prepare.sh: installing .[%s] into %s (once; later runs need no network) ...\n' "$extra" "$venv" >&2
  [[ -x $venv/bin/python ]] || "$python" -m venv "$venv" || fail "'$python -m venv $venv' failed; see above."
  if [[ $venv == .venv-lowest ]]; then
    lowest_versions "$extra" >"$venv/constraints.txt" || fail "the lowest versions cannot be told; see above."
    constraints=(--constraint "$venv/constraints.txt")
  fi
  "$venv/bin/python" -m pip install -qq --disable-pip-version-check "${constraints[@]}" --editable ".[$extra]" ||
    fail "pip could not install .[$extra]; see its message above. Is a package index reachable?"
  touch "$stamp"
}

main() {
  if [[ ${1:-} == --help ]]; then
    sed -n '/^set /q; 2,$s/^# \{0,1\}//p' "$0"
    return
  fi
  cd "$(dirname "$0")/../.."
  local venv=.venv digest extra stamp
  if [[ ${1:-} == --lowest ]]; then
    venv=.venv-lowest
    shift
  fi
  digest=$(cksum <pyproject.toml | tr ' ' -) # content, not time: a checkout must not ask the network again
  for extra in "$@"; do
    stamp=$venv/.installed-$extra-$digest
    [[ -e $stamp && -x $venv/bin/python ]] || install "$venv" "$extra" "$stamp"
  done
}

main "$@"
