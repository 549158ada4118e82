"""
Names what is broken: from a measurement to the evidence that `decision.decide` judges. Pure.

Each stage of the data path has one function that looks only at its own symptoms. A symptom that an earlier stage
explains is not reported twice: no raw series while the Pushgateway is down is the gateway's fault, not the writer's.
"""

from __future__ import annotations

from typing import Final

from l4gate.contract import Contract, Pace
from l4gate.verdict.abort_stage import abort_causes, claims, pending, proven, recomputed, standings
from l4gate.verdict.clock_stage import clock_causes
from l4gate.verdict.evidence import Cause, Evidence, Stage
from l4gate.verdict.look import Measurement
from l4gate.verdict.lookback import lookback_causes
from l4gate.verdict.readings import Missing, MissingReason
from l4gate.verdict.rule_stage import rule_causes
from l4gate.verdict.scrape_stage import config_causes, scrape_causes, target_age_limit
from l4gate.verdict.tenants import EMPTY, IGNORED
from l4gate.verdict.writer_stages import is_healthy, said, transport_causes, writer_causes

_WITHOUT: Final = {IGNORED: "answers for the tenant that was asked for alone"}
_READ_LOG: Final = "read the server's log."


def diagnose(m: Measurement, pace: Pace) -> Evidence:
    """The evidence of one look: readings, the proven conditions of a GO, and the broken stages with their causes."""
    contract = pace.contract
    if not m.readings:
        return _without_answer(m, contract)
    held = standings(m, pace)
    clock = clock_causes(m, pace) + lookback_causes(m.lookback, pace)
    broken: list[Cause] = [
        *_empty(m),
        *clock,
        *_query(m, contract),
        *rule_causes(m, pace),
        *abort_causes(m, held, pace),
    ]
    scrape = scrape_causes(m, pace)
    broken += scrape + config_causes(m)
    path_down = any(cause.code in ("target-down", "no-target", "scrape-error") for cause in scrape)
    if not path_down or m.sources:
        broken += transport_causes(m, pace)
    if not path_down and not any(cause.stage is Stage.TRANSPORT for cause in broken):
        broken += writer_causes(m, pace)
    up: dict[str, bool] = {}
    for target in m.targets:
        alive = target.up and target.listed and m.at - target.sampled_at <= target_age_limit(pace)
        up[target.job] = up.get(target.job, True) and alive
    return Evidence(
        contract=contract,
        realm=m.realm,
        at=m.at,
        readings=m.readings,
        evaluations=m.evaluations,
        targets_up=up,
        config_equal=m.config_diff == "",
        rules_equal=m.rules is not None and not m.rules.diff,
        abort_armed=m.rules.abort_armed if m.rules else frozenset(),
        recomputed=recomputed(m, contract),
        witnessed=m.witnessed and not clock,
        abort_claimed=claims(m),
        abort_firing=proven(m, held, contract),
        broken=tuple(broken),
        warnings=(*pending(m, held, pace), *_warnings(m, pace)),
    )


def _without_answer(m: Measurement, contract: Contract) -> Evidence:
    code, error = next(iter(m.errors.items()))
    cause = Cause(
        Stage.QUERY,
        code,
        _WITHOUT.get(code, "an answer of the query API"),
        error.error,
        error.query,
        error.next_step
        or "check that the server is up and the URL is right; its log tells why it does not answer.",
    )
    return Evidence(contract, m.realm, m.at, dict.fromkeys(contract.read_by_the_gate, error), broken=(cause,))


def _empty(m: Measurement) -> list[Cause]:
    error = m.errors.get(EMPTY)
    if error is None:
        return []
    return [Cause(Stage.QUERY, EMPTY, "series to judge", error.error, error.query, error.next_step)]


def _query(m: Measurement, contract: Contract) -> list[Cause]:
    causes = []
    for name in contract.decisive:
        reading = m.readings[name]
        if not isinstance(reading, Missing):
            continue
        if reading.cause is MissingReason.SEVERAL_SERIES:
            causes.append(
                Cause(
                    Stage.QUERY,
                    "ambiguous",
                    f"exactly one series of {name}",
                    reading.found,
                    f"query {reading.query}",
                    "find who makes the other one (its labels tell): a push, another rule, two servers behind one API.",
                )
            )
        elif reading.cause is MissingReason.PARTIAL:
            causes.append(
                Cause(
                    Stage.QUERY,
                    "partial-answer",
                    "an answer without warnings",
                    reading.found,
                    f"query {reading.query}",
                    "find the store or shard that did not answer.",
                )
            )
    if "targets" in m.errors:
        error = m.errors["targets"]
        step = error.next_step or _READ_LOG
        causes.append(Cause(Stage.QUERY, "bad-answer", "the list of targets", error.error, error.query, step))
    return causes


def _warnings(m: Measurement, pace: Pace) -> tuple[Cause, ...]:
    contract = pace.contract
    warnings = []
    for target in m.targets:
        if target.job in contract.advisory_jobs and not target.up:
            found = f"down: {target.last_error or 'no reason given'}"
            where = f'query up{{job="{target.job}"}}'
            step = f"start {target.job}; the Pushgateway path carries the heartbeat meanwhile."
            warnings.append(
                Cause(Stage.SCRAPE, "advisory-target-down", f"{target.job} up", found, where, step)
            )
    if m.reload_failed:
        where = "query prometheus_config_last_reload_successful"
        step = "read the server's log and mend the files: what runs is right, and would not start again."
        found = "the last one was refused"
        warnings.append(Cause(Stage.RULES, "reload-failed", "a reload that succeeds", found, where, step))
    if m.textfile_error:
        where = "query node_textfile_scrape_error"
        step = "look for a torn or foreign .prom file in the textfile folder; node-exporter's log names it."
        warnings.append(
            Cause(Stage.SCRAPE, "textfile-error", "textfiles that parse", "an error", where, step)
        )
    by_job = {source.labels.get("job", ""): source for source in m.sources}
    alive = {job: is_healthy(source, m.at, pace) for job, source in by_job.items()}
    jobs = (contract.heartbeat.job, contract.targets.node_exporter.job)
    if any(alive.values()) and not all(alive.get(job, False) for job in jobs):
        frozen = [
            f"{job}: {'frozen' if job in alive else 'absent'}" for job in jobs if not alive.get(job, False)
        ]
        where = f"query {contract.heartbeat.time}"
        step = "one of the two supply paths is broken; mend it before the other one fails too."
        warnings.append(
            Cause(Stage.SCRAPE, "paths-disagree", "both supply paths alive", ", ".join(frozen), where, step)
        )
    if m.writer is not None and m.writer.returncode == 1:
        where = "scripts/ops/textfile_heartbeat.sh, exit code 1"
        step = "mend the path that failed; the other one delivered."
        found = said(m.writer)
        warnings.append(Cause(Stage.WRITER, "one-path-failed", "both paths delivered", found, where, step))
    for name in m.firing_warnings:
        step = "see the alert's runbook."
        warnings.append(
            Cause(Stage.VERDICT, "alert-firing", f"{name} not firing", f"{name} firing", "ALERTS", step)
        )
    return tuple(warnings)
