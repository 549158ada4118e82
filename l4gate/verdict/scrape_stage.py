"""What is broken at the stage of the scrape. Pure."""

from __future__ import annotations

import math
import re
from typing import Final

from l4gate.contract import Pace
from l4gate.scraping import DEFAULT_TIMEOUT_SECONDS
from l4gate.verdict.evidence import Cause, Stage
from l4gate.verdict.look import Measurement, TargetState

_GATEWAY_LIMITS: Final = re.compile(
    # Prometheus' words, and vmagent's.
    r"limit exceeded|body size|too many samples|label_\w+_limit|exceeds \S*(?:_limit|scrape_?size)\b",
    re.IGNORECASE,
)
_TIMEOUT: Final = re.compile(r"deadline exceeded|timeout|timed out", re.IGNORECASE)
_SHOWN_CHARACTERS: Final = 300


def target_age_limit(pace: Pace) -> float:
    """`up` is written at each scrape; three intervals leave room for one that is late."""
    return 3 * pace.scrape_interval + pace.rule_interval


def scrape_causes(m: Measurement, pace: Pace) -> list[Cause]:
    """What is broken between the targets and the samples of Prometheus."""
    contract = pace.contract
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
        for job in (*contract.required_jobs, *contract.advisory_jobs)
        if job not in jobs
    ]
    for target in m.targets:
        if target.job not in contract.required_jobs:
            continue
        age = m.at - target.sampled_at
        if not target.listed:
            causes.append(
                Cause(
                    Stage.SCRAPE,
                    "target-unknown",
                    f"every `up` of job {target.job} from a target of the server",
                    f"an `up` of instance {target.instance or '(none)'}, and no such target",
                    "/api/v1/targets",
                    "find who pushes or records it: a text file, a push, a rule of somebody else.",
                )
            )
        elif not target.up:
            causes.append(_target_down(target, pace))
        elif age > target_age_limit(pace):
            causes.append(
                Cause(
                    Stage.SCRAPE,
                    "not-scraped",
                    f"target {target.job} scraped within {target_age_limit(pace):g} s",
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
                f"query {contract.heartbeat.time}",
                f"set honor_labels: true on job {contract.targets.pushgateway.job} and reload.",
            )
        )
    return causes


def config_causes(m: Measurement) -> list[Cause]:
    """What the loaded configuration does otherwise than this repository's."""
    error = m.errors.get("config")
    if error is not None:
        step = "give the URL of the Prometheus that scrapes; without its configuration nobody knows what it lets in."
        return [
            Cause(
                Stage.SCRAPE,
                "config-unreadable",
                "the loaded configuration from /api/v1/status/config",
                error.error,
                error.query,
                error.next_step or step,
            )
        ]
    if not m.config_diff:
        return []
    return [
        Cause(
            Stage.SCRAPE,
            "config-differs",
            "the scrape configuration of this repository",
            f"one that differs:\n{m.config_diff.rstrip()}\n",
            "/api/v1/status/config",
            "load the repository's configuration (scripts/ops/reload_safe.sh), or merge the change first.",
        )
    ]


def _target_down(target: TargetState, pace: Pace) -> Cause:
    """A gateway that is gone or speaks nonsense is the transport's fault; a limit of the scrape is the scrape's."""
    error = target.last_error or "up == 0, no reason given"
    default_timeout = min(DEFAULT_TIMEOUT_SECONDS / pace.factor, pace.scrape_interval)
    shortened = target.scrape_timeout is not None and target.scrape_timeout < 0.9 * default_timeout
    stage, code = Stage.TRANSPORT, "target-down"
    if target.job != pace.contract.targets.pushgateway.job or _GATEWAY_LIMITS.search(error):
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
