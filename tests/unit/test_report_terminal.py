"""The closing block, whole."""

from __future__ import annotations

from dataclasses import replace

from fixtures import contract
from fixtures.evidence import cause, good_evidence, report
from l4gate.report import Outcome, render_terminal
from l4gate.verdict import Stage

GO = """\
GO: every gate passed, and each has its evidence
  prod     duri_heartbeat_ok 1 and duri_heartbeat_fresh_120s 1 at 2 evaluations in a row, the last 0.10 s old
           duri_heartbeat_changes_6m 6; duri_lyapunov_v 0.12; duri_canary_failure_ratio 0.01
           proven 0.0 s after the first question: 16 recorded metrics computed again, and evaluations seen to come
  gates    9 of 9 passed
  stack    external: http://127.0.0.1:9090
  commit   0123abc"""
HOLD = """\
HOLD: not proven; do not merge or promote
  prod     HOLD after 0.0 s
  cause    writer/stale
           expected a beat younger than 2 s
           found    9.5 s old
           where    query x
           next     check cron.
  cause    run/gates-not-run
           expected every planned gate answered
           found    9 without an answer: NAMES (deselected)
           where    this run of pytest
           next     run the whole gate: pytest -m l4_gate, without -k, --deselect or a time limit that cuts it short.
  gates    0 of 9 passed
EACH
  stack    external: http://127.0.0.1:9090
  commit   0123abc"""
ABORT = """\
ABORT: an abort alert is firing; roll back
  prod     ABORT after 0.0 s
  cause    verdict/abort-firing
           expected L4AbortLyapunovHigh not firing
           found    L4AbortLyapunovHigh firing: duri_lyapunov_v > 0.3 has held for its whole `for`
           where    the server's alerts
           next     roll back (scripts/ops/l4_dryrun_rollback.sh), then find out why.
  gates    0 of 9 passed
EACH
  stack    external: http://127.0.0.1:9090
  commit   0123abc"""


def expected(text: str, run: object, outcome: str = "") -> str:
    names = [result.planned.name for result in run.results]  # type: ignore[attr-defined]
    each = "\n".join(f"           {outcome:<8} {name}" for name in names)
    return text.replace("NAMES", ", ".join(names)).replace("EACH", each)


def test_go_block() -> None:
    """GO must show the values, how old they are, and the counts."""
    run = report(good_evidence())
    assert "\n".join(render_terminal(run)) == expected(GO, run)


def test_hold_block() -> None:
    """HOLD must show expected, found, where and next of the first broken stage, and the gates that did not run."""
    run = report(good_evidence(broken=(cause(),)), Outcome.NOT_RUN, "deselected")
    assert "\n".join(render_terminal(run)) == expected(HOLD, run, "not-run")


def test_abort_block() -> None:
    """ABORT must name the alert, its condition and the rollback."""
    run = report(good_evidence(abort_firing=frozenset({contract.ABORT_RULES[0].alert})), Outcome.FAILED)
    assert "\n".join(render_terminal(run)) == expected(ABORT, run, "failed")


def test_run_cause_is_shown_beside_a_decision() -> None:
    """A cause of the run must be shown even when a realm has causes of its own."""
    run = replace(report(good_evidence(broken=(cause(),))), run_causes=(cause(Stage.RUN, "stack-lost"),))
    assert "  cause    run/stack-lost" in list(render_terminal(run))


def test_server_words_stay_on_their_line() -> None:
    """Escape sequences and carriage returns in a server's words must NOT reach the terminal."""
    found = "down: \x1b[2K\x1b[32mGO: proven\rGO\u2028GO\ud800"
    run = report(good_evidence(broken=(cause(found=found),)))
    text = "\n".join(render_terminal(run))

    assert text.replace("\n", "").isprintable()
    assert not any(line.startswith("GO") for line in text.splitlines())
