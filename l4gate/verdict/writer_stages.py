"""What is broken at the stages of the writer and of the transport. Pure."""

from __future__ import annotations

import math
import re
from typing import Final

from l4gate.contract import Contract, Pace
from l4gate.verdict.evidence import Cause, Stage
from l4gate.verdict.look import Measurement, Source, WriterReport
from l4gate.verdict.readings import format_labels

# The script's own words; what it quotes besides (who holds its lock, with arguments) may contain anything.
_REJECTED: Final = re.compile(r"^\S+: push to \S+ failed: rejected with HTTP status", re.MULTILINE)
_FAILED: Final = re.compile(r"^\S+: push (to \S+ )?failed: ", re.MULTILINE)
_SAID_CHARACTERS: Final = 700  # a rejected push quotes up to 500 characters of the gateway's answer


def transport_causes(m: Measurement, pace: Pace) -> list[Cause]:
    """What is broken between the script and the Pushgateway."""
    contract = pace.contract
    if m.writer is not None and m.writer.returncode not in (0, None) and _REJECTED.search(m.writer.stderr):
        return [
            Cause(
                Stage.TRANSPORT,
                "push-rejected",
                "the Pushgateway to accept the heartbeat",
                said(m.writer),
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
                f'query push_failure_time_seconds{{job="{contract.heartbeat.job}"}}',
                "run the heartbeat script by hand and read the gateway's answer.",
            )
        ]
    if not m.sources and m.foreign_sources:
        seen = sorted({source.labels.get(contract.realm.label, "(none)") for source in m.foreign_sources})
        return [
            Cause(
                Stage.TRANSPORT,
                "label-mismatch",
                f'a heartbeat with {contract.realm.label}="{m.realm}"',
                f"heartbeats of realm {', '.join(seen)} only",
                f"query {contract.heartbeat.time}",
                "check the realm setting of the heartbeat script, or judge the realm that is meant (--realm).",
            )
        ]
    known = (contract.heartbeat.job, contract.targets.node_exporter.job)
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
                f"query {contract.heartbeat.time}",
                f"push under the grouping key job={contract.heartbeat.job}, instance={contract.heartbeat.instance}.",
            )
        ]
    return [*_strays(m, contract), *_required_paths(m, pace)]


def _strays(m: Measurement, contract: Contract) -> list[Cause]:
    """Numbers of the service that come from somebody else: they count in the rules as the service's own do."""
    if not m.stray_inputs:
        return []
    name = m.stray_inputs[0].get("__name__", "")
    shown = "; ".join(format_labels(each) for each in m.stray_inputs[:3])
    return [
        Cause(
            Stage.TRANSPORT,
            "stray-input",
            f"{name} under the job {' or '.join(sorted(contract.of_known_jobs[name]))} only",
            f"{len(m.stray_inputs)} series under another: {shown}",
            f"query {contract.selector(name, m.realm)}",
            "find who publishes it; a job that may is one of the input's `jobs` in contract.yml.",
        )
    ]


def _required_paths(m: Measurement, pace: Pace) -> list[Cause]:
    """
    The path over a required target has to deliver by itself, in whatever way it fails.

    Beats from elsewhere, of an advisory target or of somebody who is not in the contract, are no evidence of it.
    """
    contract = pace.contract
    alive = [source for source in m.sources if is_healthy(source, m.at, pace)]
    heartbeat, exporter = contract.heartbeat, contract.targets.node_exporter
    failed = m.writer is not None and m.writer.returncode != 0 and _FAILED.search(m.writer.stderr)
    if contract.targets.pushgateway.required and m.writer is not None and failed:
        return [
            Cause(
                Stage.TRANSPORT,
                "push-failed",
                "the heartbeat script to reach the Pushgateway",
                said(m.writer),
                f"scripts/ops/textfile_heartbeat.sh, exit code {m.writer.returncode}",
                "mend what it names; the other path carries the heartbeat meanwhile, and is not required.",
            )
        ]
    forged = [source for source in alive if not source.scraped]
    if forged:
        when, who = forged[0].sampled_at, format_labels(forged[0].labels)
        return [
            Cause(
                Stage.TRANSPORT,
                "not-by-scrape",
                "beats at the times of scrapes, which is when what they bring is sampled",
                f"one sampled at {when:.3f}, when nothing was scraped: {who}",
                f"query {contract.selector(heartbeat.time, m.realm)}",
                "find who writes into the server: a rule of somebody else, remote write, an import.",
            )
        ]
    if m.scraped_as_pushed:
        return [
            Cause(
                Stage.TRANSPORT,
                "not-by-scrape",
                f"beats of job {heartbeat.job} from the Pushgateway",
                "a target of the server that has this job itself",
                f'query up{{job="{heartbeat.job}"}}',
                "find the list of targets, or the scrape job, that gives a target this label.",
            )
        ]
    needed: list[tuple[dict[str, str], list[Source]]] = []
    if contract.targets.pushgateway.required:
        pushed = {"job": heartbeat.job, "instance": heartbeat.instance}
        # A label more is another group, and so another writer.
        group = pushed | {contract.realm.label: m.realm}
        needed.append((pushed, [source for source in alive if source.labels == group]))
    if exporter.required:
        found = [source for source in alive if source.labels.get("job") == exporter.job]
        needed.append(({"job": exporter.job}, found))
    return [
        Cause(
            Stage.TRANSPORT,
            "required-path-dead",
            f"a heartbeat that moves from {format_labels(labels)} and no label more",
            "one that moves from " + "; ".join(format_labels(each.labels) for each in alive[:3]) + " only",
            f"query {contract.selector(heartbeat.time, m.realm)}",
            "see what keeps the beats of the required path away, or who beats in its place.",
        )
        for labels, found in needed
        if alive and not found
    ]


def said(writer: WriterReport) -> str:
    """What the script printed, in one line, from its beginning: its first words name what failed."""
    return "; ".join(line.strip() for line in writer.stderr.splitlines() if line.strip())[:_SAID_CHARACTERS]


def _exported(source: Source) -> bool:
    return any(key.startswith("exported_") for key in source.labels)


def writer_causes(m: Measurement, pace: Pace) -> list[Cause]:
    """What is broken at the heartbeat script and its clock."""
    contract = pace.contract
    where = f"query {contract.selector(contract.heartbeat.time, m.realm)}"
    failed = ""
    if m.writer is not None and m.writer.returncode != 0:
        failed = f"; its last run ended with {m.writer.returncode}: {said(m.writer)}"
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
    if any(is_healthy(source, m.at, pace) for source in m.sources):
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
    return [
        Cause(Stage.WRITER, "stuck-sequence", expected, found, f"query {contract.heartbeat.sequence}", step)
    ]


def is_healthy(source: Source, now: float, pace: Pace) -> bool:
    """Whether a source is fresh and its sequence moves."""
    return source.seq_changed and -pace.future_limit <= now - source.ts < pace.fresh_limit
