"""One verb, one hostile input, one process: what has to be true of its end whatever the input was."""

from __future__ import annotations

import base64
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from fixtures.wire import serve
from l4gate.base import PROMETHEUS_DIR, ROOT, Verdict
from l4gate.contract import load_contract
from l4gate.rules import render
from l4gate.settings import load_settings
from tests.hostile.files import ENVIRONMENTS, FOLDERS, MANIFESTS, folder_of, state_of
from tests.hostile.servers import PASSWORD, SERVERS, TOKEN, USER

FACTOR: Final = 60
DEADLINE: Final = 1.5  # seconds, for the verbs that take one
ROOM: Final = 1.0  # seconds beyond it
UNBOUNDED: Final = 120.0  # for the verbs without one: a reload may ask four questions of 30 s each
MOST_MEGABYTES: Final = 400
_NO_GO: Final = frozenset({1, 2, Verdict.HOLD.exit_code})
_SECRETS: Final = tuple(
    {
        TOKEN,
        PASSWORD,
        quote(PASSWORD, safe=""),
        json.dumps(PASSWORD)[1:-1],
        base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode(),
    }
)
# The last is how the command line says that nobody has foreseen an error: no traceback, and a defect all the same.
_SIGNS: Final = ("Traceback (most recent call last)", "Exception in thread", "panicked at", "has foreseen")
# What a terminal obeys: C0 without tab and newline, DEL, C1, marks of direction, separators of lines.
_CONTROLS: Final = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069\\u2028\\u2029]"
)


@dataclass(frozen=True)
class Case:
    """A command with all it needs. `codes` are the ends that are right; `seconds` is when it has to be over."""

    argv: list[str]
    environ: dict[str, str] = field(default_factory=dict)
    codes: frozenset[int] = _NO_GO
    seconds: float = DEADLINE + ROOM


@dataclass(frozen=True)
class Outcome:
    """How a command ended; `wrong` names what must not be: traceback, signal, late, secret, control, memory, code."""

    verb: str
    case: str
    code: int
    seconds: float
    megabytes: int
    wrong: frozenset[str]


Prepare = Callable[[str, Path, str], Case]


def _credentials(case: str, where: Path) -> list[str]:
    """Every other case has a token, the others a user and a password."""
    kind, text = ("bearer-token", TOKEN) if len(case) % 2 else ("basic-auth", f"{USER}:{PASSWORD}")
    path = where / kind
    path.write_text(text)
    path.chmod(0o600)
    return [f"--{kind}-file={path}"]


def _live(where: Path) -> Path:
    live = where / "live"
    shutil.copytree(PROMETHEUS_DIR, live, ignore=shutil.ignore_patterns("contract*"))
    return live


def _judging(*argv: str) -> Prepare:
    def prepare(case: str, where: Path, url: str) -> Case:
        return Case(
            [
                *argv,
                f"--url={url}",
                f"--factor={FACTOR}",
                f"--deadline={DEADLINE}",
                *_credentials(case, where),
            ]
        )

    return prepare


def _watch(case: str, where: Path, url: str) -> Case:
    argv = ["watch", f"--url={url}", f"--factor={FACTOR}", "--for=1s", f"--deadline={DEADLINE}"]
    # The clock, the last look and the certificate have a deadline each.
    return Case(
        [*argv, f"--state-dir={where}/state", *_credentials(case, where)], seconds=3 * DEADLINE + ROOM
    )


def _diff(case: str, where: Path, url: str) -> Case:
    return Case(
        ["diff", f"--url={url}", f"--factor={FACTOR}", f"--deadline={DEADLINE}", *_credentials(case, where)],
        codes=_NO_GO | {0},
    )


def _certify(case: str, where: Path, url: str) -> Case:
    argv = [
        "certify",
        f"--url={url}",
        "--window=1h",
        f"--report-dir={where}/reports",
        *_credentials(case, where),
    ]
    return Case(argv, seconds=UNBOUNDED)


def _reload(case: str, where: Path, url: str) -> Case:
    argv = ["reload", f"--url={url}", *_credentials(case, where)]
    if case not in SERVERS:
        return Case([*argv, f"--live-dir={folder_of(case, where)}"], seconds=UNBOUNDED)
    live = where / "live"
    live.mkdir()
    contract = load_contract(PROMETHEUS_DIR)
    render(PROMETHEUS_DIR, live, factor=FACTOR, realms=("prod",), addresses={}, contract=contract)
    return Case([*argv, f"--live-dir={live}", f"--factor={FACTOR}"], seconds=UNBOUNDED)


def _lint(case: str, where: Path, _url: str) -> Case:
    return Case(["lint", str(folder_of(case, where))], codes=_NO_GO | {0}, seconds=20)


def _decide_by(case: str, where: Path, url: str) -> Case:
    argv = ["decide", f"--url={url}", f"--deadline={DEADLINE}", f"--config-dir={folder_of(case, where)}"]
    return Case([*argv, *_credentials(case, where)], seconds=20)


def _list(case: str, where: Path, _url: str) -> Case:
    live = _live(where)
    argv = ["checkpoint", "--list", f"--live-dir={live}", f"--state-dir={state_of(case, where, live)}"]
    return Case(argv, codes=_NO_GO | {0}, seconds=5)


def _rollback(case: str, where: Path, url: str) -> Case:
    live = _live(where)
    (live / "rules" / "other.rules.yml").write_text((live / "rules" / "heartbeat.rules.yml").read_text())
    argv = ["rollback", f"--url={url}", f"--live-dir={live}", f"--state-dir={state_of(case, where, live)}"]
    return Case([*argv, f"--deadline={DEADLINE}", *_credentials(case, where)], seconds=UNBOUNDED)


def _doctor(case: str, _where: Path, _url: str) -> Case:
    return Case(["doctor"], environ=ENVIRONMENTS[case], codes=_NO_GO | {0}, seconds=20)


# By verb: the inputs, and how the command is made from one.
VERBS: Final[dict[str, tuple[list[str], Prepare]]] = {
    "decide": (list(SERVERS), _judging("decide")),
    "decide --config-dir": (list(FOLDERS), _decide_by),
    "watch": (list(SERVERS), _watch),
    "lint": (list(FOLDERS), _lint),
    "diff --url": (list(SERVERS), _diff),
    "reload": ([*list(FOLDERS)[::2], *list(SERVERS)[::2]], _reload),
    "checkpoint --list": (list(MANIFESTS), _list),
    "rollback": (list(MANIFESTS), _rollback),
    "certify": (list(SERVERS), _certify),
    "doctor": (list(ENVIRONMENTS), _doctor),
}


@contextmanager
def _zygote() -> Iterator[Callable[[dict[str, Any]], dict[str, Any]]]:
    command = [sys.executable, "-m", "tests.hostile.zygote"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        requests, answers = process.stdin, process.stdout
        assert requests
        assert answers

        def ask(request: dict[str, Any]) -> dict[str, Any]:
            requests.write(json.dumps(request) + "\n")
            requests.flush()
            answer: dict[str, Any] = json.loads(answers.readline())
            return answer

        yield ask


def run_case(
    verb: str,
    case: str,
    folder: Path,
    ask: Callable[[dict[str, Any]], dict[str, Any]],
    keep: Path | None = None,
) -> Outcome:
    """Runs a verb against one input."""
    where = folder / "case"
    shutil.rmtree(where, ignore_errors=True)
    output = where / "output"
    output.mkdir(parents=True)
    with serve(SERVERS.get(case, SERVERS["wire: 503"])) as (url, _):
        made = VERBS[verb][1](case, where, url)
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(where),
            "TMPDIR": str(where),
            "L4_CACHE_DIR": str(load_settings({}, os.environ).cache_dir.absolute()),
            **made.environ,
        }
        request = {"argv": made.argv, "environ": environ, "output": str(output), "seconds": made.seconds + 20}
        answer = ask(request)
    said = "".join((output / name).read_text(errors="surrogateescape") for name in ("stdout", "stderr"))
    written = "".join(
        path.read_text(errors="surrogateescape")
        for part in ("reports", "state")
        for path in (where / part).rglob("*")
        if path.is_file() and part != "state"
    )
    megabytes = answer["kilobytes"] // 1024
    found = what_is_wrong(made, answer["code"], answer["seconds"], megabytes, said=said, written=written)
    if found and keep:
        name = re.sub(r"[^\w.-]+", "_", f"{verb}-{case}")
        shutil.copytree(output, keep / name, dirs_exist_ok=True)
        (keep / name / "argv").write_text(json.dumps([made.argv, made.environ, sorted(found)]))
    return Outcome(verb, case, answer["code"], answer["seconds"], megabytes, found)


def what_is_wrong(
    made: Case, code: int, seconds: float, megabytes: int, *, said: str, written: str = ""
) -> frozenset[str]:
    """Every kind of harm in how a command ended."""
    harms = {
        "traceback": any(sign in said for sign in _SIGNS),
        "signal": code < 0,
        "late": seconds > made.seconds,
        "secret": any(secret in said + written for secret in _SECRETS),
        "control": _CONTROLS.search(said) is not None,
        "memory": megabytes > MOST_MEGABYTES,
        "code": code >= 0 and code not in made.codes,
    }
    return frozenset(kind for kind, is_there in harms.items() if is_there)


def cases_of(verbs: list[str], case: str = "", sample: int = 0) -> list[tuple[str, str]]:
    """The verbs with their inputs, all or a sample that is spread over them."""
    found = []
    for verb in verbs:
        cases = [each for each in VERBS[verb][0] if case in each]
        step = max(len(cases) // sample, 1) if sample else 1
        found += [(verb, each) for each in cases[::step]]
    return found


def run_all(
    verbs: list[str],
    folder: Path,
    *,
    case: str = "",
    sample: int = 0,
    workers: int = 4,
    keep: Path | None = None,
) -> list[Outcome]:
    """Runs all of them, several at a time; says on a terminal how far it is."""
    waiting: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
    wanted = cases_of(verbs, case, sample)
    for each in wanted:
        waiting.put(each)
    outcomes: list[Outcome] = []

    def work(number: int) -> None:
        place = folder / str(number)
        with _zygote() as ask:
            while True:
                try:
                    verb, name = waiting.get_nowait()
                except queue.Empty:
                    return
                outcomes.append(run_case(verb, name, place, ask, keep))
                if sys.stderr.isatty():
                    print(
                        f"\r{len(outcomes)}/{len(wanted)} {verb}: {name}"[:79].ljust(79),
                        end="",
                        file=sys.stderr,
                    )

    threads = [threading.Thread(target=work, args=(number,)) for number in range(workers)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    if sys.stderr.isatty():
        print(file=sys.stderr)
    order = {each: at for at, each in enumerate(wanted)}
    return sorted(outcomes, key=lambda each: order[each.verb, each.case])
