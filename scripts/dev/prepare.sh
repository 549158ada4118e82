#!/usr/bin/env bash
# Summary: makes .venv and installs l4gate into it; does nothing, and asks no network, when that is already done.
#
# Usage: scripts/dev/prepare.sh [EXTRA ...]
#
# The Makefile calls it before every target. An EXTRA is a name under [project.optional-dependencies] in
# pyproject.toml. Done means: the same pyproject.toml was installed before, with the same extra.
#
# Environment:
#   PYTHON   the Python 3.11 or newer to build .venv from (default: python3)
#   pip's own configuration files and PIP_* variables are used as they are.
#
# Exit codes:
#   0   .venv is ready
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

install() { # WHAT STAMP: the stamp is written last, so that an interrupted installation is done again
  local what=$1 stamp=$2 python=${PYTHON:-python3}
  check_python "$python"
  printf 'prepare.sh: installing %s into .venv (once; later runs need no network) ...\n' "$what" >&2
  [[ -x .venv/bin/python ]] || "$python" -m venv .venv || fail "'$python -m venv .venv' failed; see above."
  .venv/bin/python -m pip install -qq --disable-pip-version-check --editable "$what" ||
    fail "pip could not install $what; see its message above. Is a package index reachable?"
  touch "$stamp"
}

main() {
  if [[ ${1:-} == --help ]]; then
    sed -n '/^set /q; 2,$s/^# \{0,1\}//p' "$0"
    return
  fi
  cd "$(dirname "$0")/../.."
  local digest extra stamp
  digest=$(cksum <pyproject.toml | tr ' ' -) # content, not time: a checkout must not ask the network again
  for extra in "$@"; do
    stamp=.venv/.installed-$extra-$digest
    [[ -e $stamp && -x .venv/bin/python ]] || install ".[$extra]" "$stamp"
  done
}

main "$@"
