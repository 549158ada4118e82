"""
Names what is broken: from a measurement to the evidence that `verdict.decide` judges. Pure.

Each stage of the data path has one function that looks only at its own symptoms. A symptom that an earlier stage
explains is not reported twice: no raw series while the Pushgateway is down is the gateway's fault, not the writer's.
"""

from __future__ import annotations

import math
import re
from typing import Final

from l4gate import contract
from l4gate.contract import REALM_LABEL, Pace
from l4gate.verdict.decision import Cause, Evidence, Stage
from l4gate.verdict.look import Measurement, Source, Target, WriterReport
from l4gate.verdict.readings import Absence, Missing, format_labels

_GATEWAY_LIMITS: Final = re.compile(
    r"limit exceeded|body size|too many samples|label_\w+_limit", re.IGNORECASE
)
_TIMEOUT: Final = re.compile(r"deadline exceeded|timeout|timed out", re.IGNORECASE)
# The script's own words; what it quotes besides (who holds its lock, with arguments) may contain anything.
_REJECTED: Final = re.compile(r"^\S+: push to \S+ failed: rejected with HTTP status", re.MULTILINE)
_SHOWN_CHARACTERS: Final = 300
_SAID_CHARACTERS: Final = 700  # a rejected push quotes up to 500 characters of the gateway's answer


def diagnose(m: Measurement, pace: Pace) -> Evidence:
    """The evidence of one look: readings, the proven conditions of a GO, and the broken stages with their causes."""
    if not m.readings:
        return _without_answer(m)
    broken: list[Cause] = [*_query(m), *_rules(m, pace)]
    scrape = _scrape(m, pace)
    broken += scrape
    path_down = any(cause.code in ("target-down", "no-target", "scrape-error") for cause in scrape)
    if not path_down or m.sources:
        broken += _transport(m)
    if not path_down and not any(cause.stage is Stage.TRANSPORT for cause in broken):
        broken += _writer(m, pace)
    up: dict[str, bool] = {}
    for target in m.targets:
        alive = target.up and m.at - target.sampled_at <= _target_age_limit(pace)
        up[target.job] = up.get(target.job, True) and alive
    return Evidence(
        realm=m.realm,
        at=m.at,
        ok=m.readings[contract.OK],
        fresh=m.readings[contract.FRESH],
        evaluations=m.evaluations,
        targets_up=up,
        required_targets=contract.REQUIRED_TARGETS,
        rules_equal=m.rules is not None and not m.rules.diff,
        abort_armed=m.rules.abort_armed if m.rules else frozenset(),
        abort_firing=m.abort_firing,
        abort_inputs={rule.metric: m.readings[rule.metric] for rule in contract.ABORT_RULES},
        broken=tuple(broken),
        warnings=_warnings(m, pace),
    )


def _without_answer(m: Measurement) -> Evidence:
    code, error = next(iter(m.errors.items()))
    cause = Cause(
        Stage.QUERY,
        code,
        "an answer of the query API",
        error.error,
        error.query,
        error.next_step
        or "check that the server is up and the URL is right; its log tells why it does not answer.",
    )
    return Evidence(m.realm, m.at, error, error, broken=(cause,))


def _query(m: Measurement) -> list[Cause]:
    causes = []
    for name in (contract.OK, contract.FRESH):
        reading = m.readings[name]
        if not isinstance(reading, Missing):
            continue
        if reading.cause is Absence.SEVERAL_SERIES:
            causes.append(
                Cause(
                    Stage.QUERY,
                    "ambiguous",
                    f"exactly one series of {name}",
                    reading.found,
                    f"query {reading.query}",
                    "find who records the other one: two writers, or two servers behind one API.",
                )
            )
        elif reading.cause is Absence.PARTIAL:
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
    if "targets" in m.errors and not m.targets:
        error = m.errors["targets"]
        causes.append(
            Cause(Stage.QUERY, "bad-answer", "the list of targets", error.error, error.query, _READ_LOG)
        )
    return causes


_READ_LOG: Final = "read the server's log."


def _rules(m: Measurement, pace: Pace) -> list[Cause]:
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
                "give --rules-url if another program evaluates the rules (vmalert, Thanos Ruler).",
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
        oldest = m.rules.oldest_evaluation
        if oldest is not None and m.at - oldest > pace.max_sample_age and not causes:
            age = f"{m.at - oldest:.1f} s ago" if math.isfinite(oldest) else "never"
            causes.append(_evaluation_stopped(age, pace, "/api/v1/rules, lastEvaluation"))
    for name in (contract.OK, contract.FRESH):
        reading = m.readings[name]
        if isinstance(reading, Missing):
            cause = _recorded(name, reading, m, pace)
            if cause is not None and cause.code not in {each.code for each in causes}:
                causes.append(cause)
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
    if reading.cause is Absence.OLD:
        return _evaluation_stopped(reading.found, pace, where)
    if reading.cause is Absence.NOT_BOOLEAN:
        step = "a comparison without `bool`, or a value recorded where a boolean belongs: mend the rule."
        return Cause(Stage.RULES, "not-boolean", f"{name} to be 0 or 1", reading.found, where, step)
    if reading.cause is Absence.NOT_FINITE:
        step = "find the NaN among the rule's inputs: mend the rule."
        return Cause(Stage.RULES, "not-finite", f"{name} to be 0 or 1", reading.found, where, step)
    if reading.cause is Absence.NOT_RECORDED:
        step = f"find who pushes {name}: only the recording rule may make it."
        return Cause(
            Stage.RULES, "not-recorded", f"{name} as the rule records it", reading.found, where, step
        )
    if reading.cause is not Absence.NO_SERIES:
        return None
    strays = m.strays.get(name, ())
    if strays:
        found = "only " + "; ".join(format_labels(labels) for labels in strays[:3])
        step = (
            f"label the recording rule {REALM_LABEL}: {m.realm}, or judge the realm that is meant (--realm)."
        )
        return Cause(Stage.RULES, "label-mismatch", reading.query, found, where, step)
    step = "check that the recording rules are loaded; their fallback gives 0 even without a heartbeat."
    return Cause(Stage.RULES, "not-recorded", f"one series of {name}", reading.found, where, step)


def _target_age_limit(pace: Pace) -> float:
    """`up` is written at each scrape; three intervals leave room for one that is late."""
    return 3 * pace.scrape_interval + pace.rule_interval


def _scrape(m: Measurement, pace: Pace) -> list[Cause]:
    causes: list[Cause] = []
    jobs = {target.job for target in m.targets}
    causes += [
        Cause(
            Stage.SCRAPE,
            "no-target",
            f"at least one target of job {job}",
            "none",
            f'query up{{job="{job}"}}',
            "check the job and its target list (prometheus/targets/) on the server.",
        )
        for job in (*contract.REQUIRED_TARGETS, *contract.ADVISORY_TARGETS)
        if job not in jobs
    ]
    for target in m.targets:
        if target.job not in contract.REQUIRED_TARGETS:
            continue
        age = m.at - target.sampled_at
        if not target.up:
            causes.append(_target_down(target, pace))
        elif age > _target_age_limit(pace):
            causes.append(
                Cause(
                    Stage.SCRAPE,
                    "not-scraped",
                    f"target {target.job} scraped within {_target_age_limit(pace):g} s",
                    f"{age:.1f} s ago" if math.isfinite(age) else f"not within the last {pace.lookback:g} s",
                    f'query up{{job="{target.job}", instance="{target.instance}"}}',
                    "look at the server's targets page and load.",
                )
            )
    exported = sorted({key for source in m.sources for key in source.labels if key.startswith("exported_")})
    if exported:
        causes.append(
            Cause(
                Stage.SCRAPE,
                "honor-labels",
                "the heartbeat's own job and instance labels",
                f"{', '.join(exported)} beside the gateway's labels",
                f"query {contract.RAW_TS}",
                f"set honor_labels: true on job {contract.JOB_PUSHGATEWAY} and reload.",
            )
        )
    return causes


def _target_down(target: Target, pace: Pace) -> Cause:
    """A gateway that is gone or speaks nonsense is the transport's fault; a limit of the scrape is the scrape's."""
    error = target.last_error or "up == 0, no reason given"
    default_timeout = min(10.0 / pace.factor, pace.scrape_interval)  # Prometheus' own default is 10 s
    shortened = target.scrape_timeout is not None and target.scrape_timeout < 0.9 * default_timeout
    stage, code = Stage.TRANSPORT, "target-down"
    if target.job != contract.JOB_PUSHGATEWAY or _GATEWAY_LIMITS.search(error):
        stage = Stage.SCRAPE
    elif _TIMEOUT.search(error):
        stage = Stage.SCRAPE if shortened else Stage.TRANSPORT
    elif target.last_error and not re.search(
        r"dial|connect|refused|reset|EOF|no such host|unreachable", error
    ):
        code = "scrape-error"
    return Cause(
        stage,
        code,
        f"target {target.job} up",
        f"down: {error[:_SHOWN_CHARACTERS]}",
        f'query up{{job="{target.job}", instance="{target.instance}"}}',
        f"look at {target.job}: is it running, reachable from the server, and answering /metrics in time?",
    )


def _transport(m: Measurement) -> list[Cause]:
    if m.writer is not None and m.writer.returncode not in (0, None) and _REJECTED.search(m.writer.stderr):
        return [
            Cause(
                Stage.TRANSPORT,
                "push-rejected",
                "the Pushgateway to accept the heartbeat",
                _said(m.writer),
                f"scripts/ops/textfile_heartbeat.sh, exit code {m.writer.returncode}",
                "mend what the gateway objects to: a metric pushed elsewhere with another type, or a bad body.",
            )
        ]
    if m.push_failure_time is not None and m.push_failure_time > (m.push_time or 0.0):
        return [
            Cause(
                Stage.TRANSPORT,
                "push-rejected",
                "the last push of the heartbeat accepted",
                f"the last push failed {m.at - m.push_failure_time:.1f} s ago, after the last accepted one",
                f'query push_failure_time_seconds{{job="{contract.PUSH_JOB}"}}',
                "run the heartbeat script by hand and read the gateway's answer.",
            )
        ]
    if not m.sources and m.foreign_sources:
        seen = sorted({source.labels.get(REALM_LABEL, "(none)") for source in m.foreign_sources})
        return [
            Cause(
                Stage.TRANSPORT,
                "label-mismatch",
                f'a heartbeat with {REALM_LABEL}="{m.realm}"',
                f"heartbeats of realm {', '.join(seen)} only",
                f"query {contract.RAW_TS}",
                "check the realm setting of the heartbeat script, or judge the realm that is meant (--realm).",
            )
        ]
    known = (contract.PUSH_JOB, contract.JOB_NODE_EXPORTER)
    wrong = [
        source for source in m.sources if source.labels.get("job") not in known and not _exported(source)
    ]
    if wrong and len(wrong) == len(m.sources):
        return [
            Cause(
                Stage.TRANSPORT,
                "label-mismatch",
                f"a heartbeat of job {' or '.join(known)}",
                f"only {format_labels(wrong[0].labels)}",
                f"query {contract.RAW_TS}",
                f"push under the grouping key job={contract.PUSH_JOB}, instance={contract.PUSH_INSTANCE}.",
            )
        ]
    return []


def _said(writer: WriterReport) -> str:
    """What the script printed, in one line, from its beginning: its first words name what failed."""
    return "; ".join(line.strip() for line in writer.stderr.splitlines() if line.strip())[:_SAID_CHARACTERS]


def _exported(source: Source) -> bool:
    return any(key.startswith("exported_") for key in source.labels)


def _writer(m: Measurement, pace: Pace) -> list[Cause]:
    where = f'query {contract.RAW_TS}{{{REALM_LABEL}="{m.realm}"}}'
    failed = ""
    if m.writer is not None and m.writer.returncode != 0:
        failed = f"; its last run ended with {m.writer.returncode}: {_said(m.writer)}"
    if not m.sources:
        return [
            Cause(
                Stage.WRITER,
                "no-heartbeat",
                "a heartbeat in Prometheus",
                f"no series in any realm{failed}",
                where,
                "check that cron runs scripts/ops/textfile_heartbeat.sh and read what it prints.",
            )
        ]
    if any(_healthy(source, m.at, pace) for source in m.sources):
        return []
    newest = min(m.sources, key=lambda source: (not math.isfinite(source.ts), abs(m.at - source.ts)))
    age = m.at - newest.ts
    labels = format_labels(newest.labels)
    if not math.isfinite(newest.ts):
        step = "mend the writer's clock or its file: it published a time that is no number."
        return [
            Cause(Stage.WRITER, "not-a-number", "a Unix time", f"{newest.ts:g} from {labels}", where, step)
        ]
    if age < -pace.future_limit:
        step = "set the writer's clock (NTP); until then its heartbeat would look fresh for ever."
        found = f"{-age:.1f} s ahead from {labels}"
        expected = f"a beat not more than {pace.future_limit:g} s ahead of the server's clock"
        return [Cause(Stage.WRITER, "clock-ahead", expected, found, where, step)]
    if age >= pace.fresh_limit:
        moving = "its sequence still moves: the writer's clock stands still or is behind"
        step = (
            "set the writer's clock (NTP)."
            if newest.seq_changed and age > pace.changes_window
            else "check cron and the heartbeat script on the writer's host, and its push to the gateway."
        )
        note = f" ({moving})" if newest.seq_changed and age > pace.changes_window else failed
        found = f"{age:.1f} s old from {labels}{note}"
        return [
            Cause(Stage.WRITER, "stale", f"a beat younger than {pace.fresh_limit:g} s", found, where, step)
        ]
    found = f"seq {'missing' if newest.seq is None else f'{newest.seq:g}'} throughout, from {labels}"
    step = "look at the writer's sequence file: it must be writable and kept between runs."
    expected = f"a sequence that changes within {pace.changes_window:g} s"
    return [Cause(Stage.WRITER, "stuck-sequence", expected, found, f"query {contract.RAW_SEQ}", step)]


def _healthy(source: Source, now: float, pace: Pace) -> bool:
    return source.seq_changed and -pace.future_limit <= now - source.ts < pace.fresh_limit


def _warnings(m: Measurement, pace: Pace) -> tuple[Cause, ...]:
    warnings = []
    for target in m.targets:
        if target.job in contract.ADVISORY_TARGETS and not target.up:
            found = f"down: {target.last_error or 'no reason given'}"
            where = f'query up{{job="{target.job}"}}'
            step = f"start {target.job}; the Pushgateway path carries the heartbeat meanwhile."
            warnings.append(
                Cause(Stage.SCRAPE, "advisory-target-down", f"{target.job} up", found, where, step)
            )
    if m.textfile_error:
        where = "query node_textfile_scrape_error"
        step = "look for a torn or foreign .prom file in the textfile folder; node-exporter's log names it."
        warnings.append(
            Cause(Stage.SCRAPE, "textfile-error", "textfiles that parse", "an error", where, step)
        )
    by_job = {source.labels.get("job", ""): source for source in m.sources}
    alive = {job: _healthy(source, m.at, pace) for job, source in by_job.items()}
    jobs = (contract.PUSH_JOB, contract.JOB_NODE_EXPORTER)
    if any(alive.values()) and not all(alive.get(job, False) for job in jobs):
        frozen = [
            f"{job}: {'frozen' if job in alive else 'absent'}" for job in jobs if not alive.get(job, False)
        ]
        where = f"query {contract.RAW_TS}"
        step = "one of the two supply paths is broken; mend it before the other one fails too."
        warnings.append(
            Cause(Stage.SCRAPE, "paths-disagree", "both supply paths alive", ", ".join(frozen), where, step)
        )
    if m.writer is not None and m.writer.returncode == 1:
        where = "scripts/ops/textfile_heartbeat.sh, exit code 1"
        step = "mend the path that failed; the other one delivered."
        found = _said(m.writer)
        warnings.append(Cause(Stage.WRITER, "one-path-failed", "both paths delivered", found, where, step))
    for name in m.firing_warnings:
        step = "see the alert's runbook."
        warnings.append(
            Cause(Stage.VERDICT, "alert-firing", f"{name} not firing", f"{name} firing", "ALERTS", step)
        )
    return tuple(warnings)
