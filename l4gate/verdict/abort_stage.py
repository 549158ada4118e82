"""What abort alerts say beside what their conditions were, and which of them are proven. Pure."""

from __future__ import annotations

from typing import Final

from l4gate.base import format_duration
from l4gate.contract import Contract, Pace
from l4gate.verdict.conditions import Held, Standing, standing
from l4gate.verdict.evidence import Cause, Stage
from l4gate.verdict.look import Measurement
from l4gate.verdict.readings import clock_time

PENDING: Final = "abort-pending"
SILENT: Final = "alert-silent"
CONTRADICTED: Final = "alert-contradicted"


def standings(m: Measurement, pace: Pace) -> tuple[Held, ...]:
    """Each abort condition of the contract by the recorded samples, beside what its alert says."""
    claimed = claims(m)
    return tuple(
        standing(each, m.histories.get(each.metric, ()), pace, fires=each.alert in claimed)
        for each in pace.contract.abort.conditions
    )


def claims(m: Measurement) -> frozenset[str]:
    """The abort alerts that anybody says are firing: some servers answer only one of the two questions."""
    return m.alerts_firing | (m.rules.abort_firing if m.rules else frozenset())


def proven(m: Measurement, found: tuple[Held, ...], contract: Contract) -> frozenset[str]:
    """The alerts that fire and whose condition has held, by values of known origin that are what their rules give."""
    if m.config_diff != "":
        return frozenset()
    good = recomputed(m, contract)
    return frozenset(
        each.condition.alert
        for each in found
        if each.standing is Standing.FIRING and each.condition.metric in good
    )


def recomputed(m: Measurement, contract: Contract) -> frozenset[str]:
    """The metrics of the contract that, with all that they are made from, are of known origin and were found right."""
    if m.disagreements is None:
        return frozenset()
    wrong = {each.metric for each in m.disagreements}
    strays = {labels.get("__name__", "") for labels in m.stray_inputs}
    doubtful = {name for name in contract.inputs for each in strays if each.startswith(name)}
    return frozenset(
        name
        for name, sources in m.made_from.items()
        if sources and not sources & wrong and not doubtful & set(contract.recorded[name].reads)
    )


def abort_causes(m: Measurement, found: tuple[Held, ...], pace: Pace) -> list[Cause]:
    """Alerts and conditions that contradict each other, both sides shown."""
    causes = []
    for each in found:
        alert, held = each.condition.alert, f"{each.condition} held for {each.seconds:.1f} s, as recorded"
        who = " and ".join(
            place
            for place, names in (
                ("ALERTS", m.alerts_firing),
                ("/api/v1/rules", m.rules.abort_firing if m.rules else frozenset()),
            )
            if alert in names
        )
        if each.standing is Standing.WITHOUT_CAUSE:
            samples = m.histories.get(each.condition.metric, ())
            value = f"{each.condition.metric} is {samples[-1].value:g}" if samples else "it has no value"
            found_words = f"{who} says firing, and {value}"
            step = f"find who makes {alert}: a push, another rule or another server; nothing is rolled back."
        elif each.standing is Standing.TOO_SOON:
            found_words = f"{who} says firing, and {held}"
            step = "see whether the loaded rule has the repository's `for`; nothing is rolled back meanwhile."
        elif each.standing is Standing.SILENT and m.rules is not None:
            found_words = f"not firing, and {held}"
            step = "see who silences it, or whether the server was just restarted; if the value is right, roll back."
        else:
            continue
        time = format_duration(pace.abort_for)
        expected = f"{alert} to fire when {each.condition} has held for {time}, and only then"
        code = SILENT if each.standing is Standing.SILENT else CONTRADICTED
        causes.append(Cause(Stage.RULES, code, expected, found_words, "ALERTS, /api/v1/rules", step))
    return causes


def pending(m: Measurement, found: tuple[Held, ...], pace: Pace) -> list[Cause]:
    """A warning for each condition that holds, but not for long enough yet."""
    warnings = []
    for each in found:
        if each.standing is Standing.PENDING and each.since is not None:
            left = max(each.since + pace.abort_for - m.at, 0.0)
            end = clock_time(each.since + pace.abort_for)
            words = f"it holds since {clock_time(each.since)} and aborts at {end}, in {left:.1f} s"
            warnings.append(
                Cause(
                    Stage.VERDICT,
                    PENDING,
                    f"{each.condition} not to hold",
                    words,
                    f"query {pace.contract.selector(each.condition.metric, m.realm)}",
                    f"see why now: {each.condition.alert} rolls back then.",
                )
            )
    return warnings
