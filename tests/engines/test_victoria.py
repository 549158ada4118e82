"""
The gate on VictoriaMetrics with vmagent and vmalert, live: the repository's rules and configuration, a real heartbeat.

At factor 10: vmalert's evaluations fall on whole seconds, so the rule interval (3 s) must be some of them. At 15, where
one takes 2 s, single looks in between are HOLD: an evaluation is up to one interval late, by vmalert's own delay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from l4gate.base import ApiBadAnswer, ProgramMissing, Verdict, wait_until
from l4gate.rules import Asked, Question, recordings
from l4gate.sandbox import Sandbox, open_sandbox
from l4gate.settings import GENERATIONS, Settings
from l4gate.stack import PROMETHEUS, PUSHGATEWAY, VMAGENT, VMALERT, open_victoria
from l4gate.verdict import Decision
from l4gate.verdict.recomputing import ask

FACTOR = 10.0
GO_SECONDS = 60.0  # takes 10 to 15
SEEN_SECONDS = 30.0  # the slowest, a Pushgateway that is gone, takes 2

Open = Callable[[str], Sandbox]


@pytest.fixture(scope="module")
def opened(settings: Settings) -> Iterator[Open]:
    """Opens one sandbox of a generation at a time, and keeps it for the tests of the same generation."""
    with ExitStack() as ending:
        found: dict[str, Sandbox] = {}

        def of(generation: str) -> Sandbox:
            if generation not in found:
                ending.close()
                found.clear()
                asked = replace(
                    settings,
                    stack="processes",
                    factor=FACTOR,
                    generation=generation,
                    url=None,
                    keep_stack=False,
                )
                try:
                    found[generation] = ending.enter_context(open_sandbox(asked, opened=open_victoria))
                except ProgramMissing as error:
                    pytest.skip(f"VictoriaMetrics of generation {generation}: {error.message}")
            return found[generation]

        yield of


def wait_for(sandbox: Sandbox, wanted: Callable[[Decision], bool], seconds: float, what: str) -> Decision:
    """The first decision of this kind, looked for at the pace of a judge."""
    seen: list[Decision] = []

    def met() -> bool:
        seen.append(sandbox.judge.look()[0].decision)
        return wanted(seen[-1])

    wait_until(
        met,
        deadline_seconds=seconds,
        interval_seconds=0.1,
        what=what,
        last_seen=lambda: "\n".join(map(str, seen[-1].causes)) if seen else "no look",
    )
    return seen[-1]


def expect_go(sandbox: Sandbox) -> Decision:
    """Waits for GO."""
    return wait_for(sandbox, lambda found: found.verdict is Verdict.GO, GO_SECONDS, "GO")


@pytest.mark.parametrize("generation", GENERATIONS)
def test_every_generation_comes_to_go(opened: Open, generation: str) -> None:
    """A healthy VictoriaMetrics of each Debian suite must be GO, on the same evidence as a Prometheus."""
    sandbox = opened(generation)
    (look,) = sandbox.judge.judge(GO_SECONDS)

    assert look.decision.verdict is Verdict.GO, "\n".join(map(str, look.decision.causes))
    assert look.measurement.rules is not None
    assert look.measurement.rules.abort_armed == sandbox.pace.contract.abort.alerts
    assert look.measurement.config_diff == ""
    assert look.measurement.disagreements == ()
    assert all(target.listed and target.up for target in look.measurement.targets)


def test_a_question_too_long_for_the_server_is_asked_in_pieces(opened: Open) -> None:
    """What differs is asked again many times over: what VictoriaMetrics refuses as one question must go in several."""
    sandbox = opened(GENERATIONS[-1])
    expect_go(sandbox)
    judge = sandbox.judge
    now = judge.api.now()
    realm = sandbox.pace.contract.realm
    found = recordings(judge.expectation.groups, realm.label, realm.default)
    asked = [Asked(each, now - late) for late in range(4) for each in found]
    assert judge.api.longest_query is not None
    assert len(Question(tuple(asked)).text) > judge.api.longest_query
    with pytest.raises(ApiBadAnswer, match="too long"):
        judge.api.query(Question(tuple(asked)).text, now)

    answers = ask(judge.api, asked)

    assert len(answers) == len(asked)
    for each, vector in zip(asked, answers, strict=True):
        if each.recording.rule.name in sandbox.pace.contract.decisive:
            assert list(vector.values()) == [1.0]


@pytest.mark.parametrize(
    ("part", "cause"),
    [
        (VMAGENT, "query/bad-answer"),
        (VMALERT, "rules/rules-unreadable"),
        (PROMETHEUS, "query/unreachable"),
        (PUSHGATEWAY, "transport/target-down"),
    ],
)
def test_a_dead_part_is_hold_and_named(opened: Open, part: str, cause: str) -> None:
    """Whichever part is killed, the verdict must be HOLD with the stage where it broke, and GO once it is back."""
    sandbox = opened(GENERATIONS[-1])
    expect_go(sandbox)
    sandbox.stack.kill(part)
    try:
        found = wait_for(
            sandbox,
            lambda decision: decision.cause is not None and decision.cause.id == cause,
            SEEN_SECONDS,
            f"{cause} without {part}",
        )
    finally:
        sandbox.stack.start(part)
    assert found.verdict is Verdict.HOLD
    assert expect_go(sandbox).verdict is Verdict.GO


@pytest.mark.parametrize(
    "generation",
    [*(pytest.param(each, marks=pytest.mark.variants) for each in GENERATIONS[:-1]), GENERATIONS[-1]],
)
def test_a_dead_writer_is_hold_and_then_abort(opened: Open, generation: str) -> None:
    """Without beats the verdict must be HOLD when they are stale, and ABORT when that has lasted for its time."""
    sandbox = opened(generation)
    expect_go(sandbox)
    sandbox.heart.stop()
    pace = sandbox.pace
    hold = wait_for(
        sandbox,
        lambda decision: decision.cause is not None and decision.cause.id == "writer/stale",
        pace.fresh_limit + 4 * pace.rule_interval + SEEN_SECONDS,
        "a stale heartbeat",
    )
    assert hold.verdict is Verdict.HOLD
    abort = wait_for(
        sandbox,
        lambda decision: decision.verdict is Verdict.ABORT,
        pace.abort_for + 4 * pace.rule_interval + SEEN_SECONDS,
        "ABORT",
    )
    assert "L4AbortHeartbeatStale" in str(abort.evidence)
