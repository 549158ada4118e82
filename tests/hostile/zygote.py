"""
Runs commands as processes of their own that need not import everything anew: reads a JSON object a line, and forks.

A request has `argv`, `environ`, `output` (a folder for stdout and stderr), `seconds` (the process is killed after them)
and `user`; the answer has `code` (negative: the signal), `seconds` and `kilobytes` (the peak).
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import l4gate.cli

MEGABYTES = (
    2_000  # of address space beyond what is there: a process that needs more is to die, and not the machine
)


def child(request: dict[str, Any]) -> int:
    """What the new process does: exactly one command, with the streams and the environment of the request."""
    folder = Path(request["output"])
    os.setsid()
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    limit = MEGABYTES << 20
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    os.environ.clear()
    os.environ.update(request["environ"])
    os.chdir(folder)
    try:
        return l4gate.cli.main(request["argv"])
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001 - as Python itself ends
        traceback.print_exc()
        return 1


def run(request: dict[str, Any]) -> dict[str, Any]:
    """Forks, and waits for the end."""
    began = time.monotonic()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = child(request)
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)
    ends = began + request["seconds"]
    while True:
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return {"code": code, "seconds": time.monotonic() - began, "kilobytes": usage.ru_maxrss}
        if time.monotonic() > ends:
            os.kill(pid, signal.SIGKILL)
            ends = float("inf")
        time.sleep(0.005)


def main() -> None:
    """Until there is no more request."""
    for verb in l4gate.cli.VERBS:
        l4gate.cli._verb(verb)
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
