"""
The places of labels that only a running stack shows: those of pushes and of text files, and ways to make each wrong.

What the script sends is changed on its way: its own settings where they say it, else a `curl` or `mv` before the real
ones in its PATH that exchanges one text for another. So every beat is a real one, and each file still comes whole.

What states no realm at all gets that of the target, which is the same one, so that is no mismatch and not among them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from benchmarks.places import OTHER
from fixtures.contract import DEFAULT_REALM, PUSH_INSTANCE, PUSH_JOB, REALM_LABEL, SERVICE_PUSH_JOB
from l4gate.contract import Pace
from l4gate.sandbox import Sandbox, SimulatedService

_REALM: Final = f'{REALM_LABEL}="{DEFAULT_REALM}"'
_FROM, _TO = "CLAIMS_FROM", "CLAIMS_TO"
# Files are exchanged before they are moved to their place; arguments of curl before they are sent.
_SHIMS: Final = {
    "mv": f"""
for each; do
  [[ -s $each && $each == *.tmp ]] || continue
  text=$(<"$each") && printf '%s\\n' "${{text//"${_FROM}"/${_TO}}}" >|"$each"
done
exec /bin/mv "$@"
""",
    "curl": f"""
changed=()
for each; do changed+=("${{each//"${_FROM}"/${_TO}}}"); done
exec /usr/bin/curl "${{changed[@]}}"
""",
}


@dataclass(frozen=True)
class Wrong:
    """
    One label of what is sent, made wrong in one way.

    `settings` are the script's; `exchanged` is the program, the text and what takes its place; `service` are the job
    and the labels of the simulated service, where that is what sends it.
    """

    kind: str
    way: str
    settings: Mapping[str, str] | None = None
    exchanged: tuple[str, str, str] | None = None
    service: tuple[str, Mapping[str, str]] | None = None

    def __str__(self) -> str:
        return f"{self.kind}, {self.way}"


def pushed() -> dict[str, tuple[Wrong, ...]]:
    """All of them, by their place."""
    heart, file, service = "push of the heartbeat", "text file of the heartbeat", "push of the service"
    group = f"/instance/{PUSH_INSTANCE}"
    found = [
        Wrong("heartbeat, realm", "other value", {"DURI_REALM": OTHER}),
        Wrong("heartbeat, realm", "other name", {"DURI_REALM_LABEL": f"{OTHER}_{REALM_LABEL}"}),
        Wrong(f"{heart}, realm", "other value", exchanged=("curl", _REALM, f'{REALM_LABEL}="{OTHER}"')),
        Wrong(f"{heart}, realm", "other name", exchanged=("curl", _REALM, f"{OTHER}_{_REALM}")),
        Wrong(f"{heart}, job", "other value", {"DURI_JOB": f"{OTHER}-{PUSH_JOB}"}),
        Wrong(f"{heart}, instance", "other value", {"DURI_INSTANCE": OTHER}),
        Wrong(f"{heart}, grouping key", "added", exchanged=("curl", group, f"{group}/team/{OTHER}")),
        Wrong(f"{heart}, samples", "added", exchanged=("curl", _REALM, f'{_REALM},team="{OTHER}"')),
        Wrong(f"{file}, realm", "other value", exchanged=("mv", _REALM, f'{REALM_LABEL}="{OTHER}"')),
        Wrong(f"{file}, realm", "other name", exchanged=("mv", _REALM, f"{OTHER}_{_REALM}")),
        Wrong(f"{file}, job", "added", exchanged=("mv", _REALM, f'{_REALM},job="{OTHER}"')),
        Wrong(f"{file}, instance", "added", exchanged=("mv", _REALM, f'{_REALM},instance="{OTHER}"')),
        Wrong(f"{service}, realm", "other value", service=(SERVICE_PUSH_JOB, {REALM_LABEL: OTHER})),
        Wrong(f"{service}, job", "other value", service=(OTHER, {REALM_LABEL: DEFAULT_REALM})),
    ]
    return {
        kind: tuple(each for each in found if each.kind == kind)
        for kind in dict.fromkeys(each.kind for each in found)
    }


class _Mislabelled(SimulatedService):
    """The simulated service under another job, or with other labels than the realm's right one."""

    def __init__(self, sandbox: Sandbox, job: str, own: Mapping[str, str]) -> None:
        contract = sandbox.pace.contract
        pace: Pace = replace(
            sandbox.pace, contract=replace(contract, simulation=replace(contract.simulation, job=job))
        )
        super().__init__(sandbox.stack.pushgateway_url, DEFAULT_REALM, sandbox.pace.beat_interval, pace)
        self._own = dict(own)

    def _labels(self, name: str) -> dict[str, str]:
        right = super()._labels(name)
        return {**self._own, **{label: value for label, value in right.items() if label != REALM_LABEL}}


@contextmanager
def made_wrong(sandbox: Sandbox, wrong: Wrong, folder: Path) -> Iterator[None]:
    """A sandbox in which this label is wrong, right again afterwards; `folder` is empty."""
    heart, before = sandbox.heart, dict(sandbox.heart.overrides)
    if wrong.settings:
        heart.overrides.update(wrong.settings)
    if wrong.exchanged:
        program, text, instead = wrong.exchanged
        shim = folder / program
        shim.write_text(f"#!/bin/bash{_SHIMS[program]}", encoding="utf-8")
        shim.chmod(0o755)
        heart.overrides.update({"PATH": f"{folder}:/usr/bin:/bin", _FROM: text, _TO: instead})
    try:
        if wrong.service:
            sandbox.service.stop()
            with _Mislabelled(sandbox, *wrong.service):
                yield
        else:
            yield
    finally:
        heart.overrides.clear()
        heart.overrides.update(before)
        if wrong.service:
            sandbox.service.start()
