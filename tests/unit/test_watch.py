"""A watch goes on whatever it meets: one that has ended guards nothing."""

from __future__ import annotations

from fixtures.fake_server import CONFIG, GROUPS, NOW, PACE, FakeServer
from l4gate.base import Verdict
from l4gate.certificate import Window
from l4gate.operations import Watch
from l4gate.verdict import Expectation, Judge


def test_a_defect_is_a_change_and_not_the_end() -> None:
    """What nobody has foreseen must be noted as HOLD with its place, and the watch must look again."""
    server = FakeServer()
    judge = Judge(server, server, Expectation(PACE, GROUPS, CONFIG), ("prod",))
    lines: list[str] = []

    def breaks_once(line: str) -> None:
        lines.append(line)
        if len(lines) == 1:
            raise KeyError("odd")

    done = Watch(judge, Window(NOW - 1, NOW + 3 * PACE.rule_interval, PACE), progress=breaks_once).run(NOW)

    assert len(lines) > 1
    assert done.verdict is Verdict.HOLD
    assert any("not foreseen: KeyError at test_watch.py" in each.cause for each in done.changes)
