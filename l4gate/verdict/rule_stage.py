"""What is broken at the stage of the rules. Pure."""

from __future__ import annotations

import math

from l4gate.contract import Pace
from l4gate.verdict.evidence import Cause, Stage
from l4gate.verdict.look import Measurement
from l4gate.verdict.readings import Missing, MissingReason, clock_time, format_labels


def rule_causes(m: Measurement, pace: Pace) -> list[Cause]:
    """What is broken from the loaded rules to the recorded samples."""
    causes: list[Cause] = []
    if m.rules is None:
        error = m.errors.get("rules")
        causes.append(
            Cause(
                Stage.RULES,
                "rules-unreadable",
                "the loaded rules from /api/v1/rules",
                error.error if error else "none",
                error.query if error else "/api/v1/rules",
                "give --rules-url if another program evaluates the rules (vmalert, Thanos Ruler)"
                + (f"; else {error.next_step}" if error and error.next_step else "."),
            )
        )
    else:
        if m.rules.diff:
            causes.append(
                Cause(
                    Stage.RULES,
                    "rules-differ",
                    f"the rules of this repository ({m.rules.expected_hash[:12]})",
                    f"{m.rules.count} rules ({m.rules.loaded_hash[:12]}) that differ:\n{m.rules.diff.rstrip()}\n",
                    "/api/v1/rules",
                    "load the repository's rules (scripts/ops/reload_safe.sh), or merge the change first.",
                )
            )
        causes += [
            Cause(
                Stage.RULES,
                "rule-failing",
                f"rule {fault.rule} evaluating without an error",
                fault.error,
                "/api/v1/rules",
                "mend the rule or what it reads; `l4gate lint` names known classes of error.",
            )
            for fault in m.rules.faults
        ]
        if m.rules.ahead:
            causes.append(
                Cause(
                    Stage.RULES,
                    "from-the-future",
                    "no evaluation later than now",
                    m.rules.ahead,
                    "/api/v1/rules, lastEvaluation",
                    "set the clocks of the server and of the rule evaluator (NTP).",
                )
            )
        oldest = m.rules.oldest_evaluation
        if oldest is not None and m.at - oldest > pace.max_sample_age and not causes:
            age = f"{m.at - oldest:.1f} s ago" if math.isfinite(oldest) else "never"
            causes.append(_evaluation_stopped(age, pace, "/api/v1/rules, lastEvaluation"))
    if m.too_close is not None:
        causes.append(_too_close(m.too_close, pace))
    for name in pace.contract.decisive:
        reading = m.readings[name]
        if isinstance(reading, Missing):
            cause = _recorded(name, reading, m, pace)
            if cause is not None and cause.code not in {each.code for each in causes}:
                causes.append(cause)
    return causes + _recomputing(m)


def _too_close(seconds: float, pace: Pace) -> Cause:
    names = " and ".join(pace.contract.decisive)
    return Cause(
        Stage.RULES,
        "not-evaluations",
        f"samples of {names} a rule interval of {pace.rule_interval:g} s apart",
        f"two that are {seconds:.3f} s apart",
        "the newest recorded samples",
        "find who else writes these series: only the recording rule may make them.",
    )


def _recomputing(m: Measurement) -> list[Cause]:
    """What is recorded otherwise than its rule gives, or could not be asked."""
    causes = [
        Cause(
            Stage.RULES,
            "contradicted",
            f"{each.metric} as its rule gave it at {clock_time(each.at)}: {each.recomputed}",
            f"recorded: {each.recorded}",
            f"the rule's own expression, asked again for two evaluations; query {each.metric}",
            f"find who else makes {each.metric} (its labels tell): a push, a text file, another rule or server.",
        )
        for each in m.disagreements or ()
        if each.twice
    ]
    error = m.errors.get("recomputed")
    if error is not None:
        causes.append(
            Cause(
                Stage.RULES,
                "not-recomputed",
                "an answer to the rules' own expressions",
                error.error,
                error.query,
                error.next_step or "run the expression of the rule that is named on the server.",
            )
        )
    return causes


def _evaluation_stopped(found: str, pace: Pace, where: str) -> Cause:
    return Cause(
        Stage.RULES,
        "evaluation-stopped",
        f"every rule evaluated within {pace.max_sample_age:g} s",
        found,
        where,
        "the rule evaluator hangs or is overloaded: read the server's log, look at its rule group metrics.",
    )


def _recorded(name: str, reading: Missing, m: Measurement, pace: Pace) -> Cause | None:
    where = f"query {reading.query}"
    if reading.cause is MissingReason.OLD:
        return _evaluation_stopped(reading.found, pace, where)
    if reading.cause is MissingReason.NOT_BOOLEAN:
        step = "a comparison without `bool`, or a value recorded where a boolean belongs: mend the rule."
        return Cause(Stage.RULES, "not-boolean", f"{name} to be 0 or 1", reading.found, where, step)
    if reading.cause is MissingReason.NOT_FINITE:
        step = "find the NaN among the rule's inputs: mend the rule."
        return Cause(Stage.RULES, "not-finite", f"{name} to be 0 or 1", reading.found, where, step)
    if reading.cause is MissingReason.NOT_RECORDED:
        step = f"find who pushes {name}: only the recording rule may make it."
        return Cause(
            Stage.RULES, "not-recorded", f"{name} as the rule records it", reading.found, where, step
        )
    if reading.cause is not MissingReason.NO_SERIES:
        return None
    strays = m.strays.get(name, ())
    if strays:
        found = "only " + "; ".join(format_labels(labels) for labels in strays[:3])
        label = pace.contract.realm.label
        step = f"label the recording rule {label}: {m.realm}, or judge the realm that is meant (--realm)."
        return Cause(Stage.RULES, "label-mismatch", reading.query, found, where, step)
    step = "check that the recording rules are loaded; their fallback gives 0 even without a heartbeat."
    return Cause(Stage.RULES, "not-recorded", f"one series of {name}", reading.found, where, step)
