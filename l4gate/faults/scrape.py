"""Faults of the scrape: Prometheus' own settings, its targets, and the textfile path."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, Final

import yaml

from l4gate.base import Verdict, wait_until
from l4gate.contract import Contract, Target
from l4gate.faults import behaviours
from l4gate.faults.edits import Job, edited, job_set, pushgateway
from l4gate.faults.model import PROCESSES, Action, Fault, Site
from l4gate.faults.tools import extra_textfile, heart_set, killed, paused, scraped_through
from l4gate.stack import NODE_EXPORTER

_SHORT: Final = "20ms"
_TAKEN_OVER_SECONDS: Final = 15.0  # it takes 5 s
_DOWN: Final = ("scrape/advisory-target-down", "scrape/paths-disagree")


def _prometheus(contract: Contract) -> Target:
    return contract.targets.prometheus


def _node_exporter(contract: Contract) -> Target:
    return contract.targets.node_exporter


def _textfile(name: str, text: str) -> Action:
    return lambda site: extra_textfile(site, name, text)


def _torn(site: Site) -> AbstractContextManager[None]:
    contract = site.contract
    text = f'{contract.heartbeat.time}{{{contract.realm.label}="{site.realm}'
    return extra_textfile(site, "torn.prom", text)


@contextmanager
def _frozen(site: Site) -> Iterator[None]:
    """The script writes its files where node-exporter does not look."""
    folder = site.sandbox.stack.run_dir / "other-textfiles"
    folder.mkdir()
    with heart_set(site, DURI_TEXTFILE_DIR=str(folder)):
        yield
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def _keeps_nothing(job: Job) -> Action:
    """The job drops both metrics of the heartbeat."""

    def action(site: Site) -> AbstractContextManager[object]:
        heartbeat = site.contract.heartbeat
        names = f"{heartbeat.time}|{heartbeat.sequence}"
        drop = {"source_labels": ["__name__"], "regex": names, "action": "drop"}
        return job_set(job, metric_relabel_configs=[drop])(site)

    return action


@contextmanager
def _empty_list(site: Site) -> Iterator[None]:
    """Empties the target lists of node-exporter's job, wherever they are; a job without lists loses its targets."""
    live = site.sandbox.stack.config_dir
    config = yaml.safe_load((live / "prometheus.yml").read_text())
    name = _node_exporter(site.contract).job
    job = next(each for each in config["scrape_configs"] if each["job_name"] == name)
    patterns = [pattern for source in job.get("file_sd_configs", ()) for pattern in source["files"]]
    with ExitStack() as healing:
        if not patterns:
            healing.enter_context(job_set(_node_exporter, static_configs=[])(site))
        for path in sorted({path for pattern in patterns for path in live.glob(pattern)}):
            listed = str(path.relative_to(live))
            healing.enter_context(edited(site, listed, lambda _text: "[]\n", reload=False))
        yield


def _too_late(job: Job) -> Action:
    """A limit that is kept on loopback now and then would be no fault: the answer is made to take longer."""

    @contextmanager
    def action(site: Site) -> Iterator[None]:
        with scraped_through(site, behaviours.late(0.1), job, scrape_timeout=_SHORT):
            yield
        # The reload has put the timeout back, but the target keeps the short one until the next discovery.
        wait_until(
            lambda: all(target["scrapeTimeout"] != _SHORT for target in site.sandbox.judge.api.targets()),
            deadline_seconds=_TAKEN_OVER_SECONDS,
            interval_seconds=0.05,
            what=f"Prometheus to take over the right timeout of job {job(site.contract).job}",
        )

    return action


def _limit(name: str, says: str, settings: dict[str, Any], job: Job = pushgateway) -> Fault:
    return Fault(f"scrape/{name}", says, job_set(job, **settings), Verdict.HOLD, "scrape/target-down")


def _warned(name: str, says: str, action: Action, *warnings: str) -> Fault:
    return Fault(f"scrape/{name}", says, action, Verdict.GO, warnings=warnings)


FAULTS: Final = (
    Fault(
        "scrape/honor-labels-missing",
        "The pushgateway job lost honor_labels: the heartbeat's own labels become exported_*.",
        job_set(honor_labels=False),
        Verdict.HOLD,
        "scrape/honor-labels",
    ),
    _limit(
        "sample-limit", "The Pushgateway's page has more samples than the job allows.", {"sample_limit": 5}
    ),
    _limit("body-limit", "The Pushgateway's page is larger than the job allows.", {"body_size_limit": "1KB"}),
    _limit(
        "label-limit", "The Pushgateway's samples have more labels than the job allows.", {"label_limit": 1}
    ),
    Fault(
        "scrape/timeout-too-short",
        "The job gives the Pushgateway less time than it takes to answer.",
        _too_late(pushgateway),
        Verdict.HOLD,
        "scrape/target-down",
        stacks=(PROCESSES,),
        by_discovery=True,
    ),
    _limit(
        "self-scrape-limit",
        "Prometheus cannot scrape itself: its page has more samples than its job allows.",
        {"sample_limit": 5},
        _prometheus,
    ),
    Fault(
        "scrape/too-rare",
        "The Pushgateway is scraped every ten hours only.",
        job_set(scrape_interval="600s", scrape_timeout="1s"),
        Verdict.HOLD,
        "scrape/not-scraped",
        by_discovery=True,
    ),
    Fault(
        "scrape/target-gone",
        "The pushgateway job has no target.",
        job_set(static_configs=[]),
        Verdict.HOLD,
        "scrape/no-target",
        by_discovery=True,
    ),
    Fault(
        "scrape/target-list-empty",
        "The file with node-exporter's targets is empty.",
        _empty_list,
        Verdict.HOLD,
        "scrape/no-target",
        by_discovery=True,
        reason="The job of the repository has a target; a server without one is not configured as it says.",
    ),
    Fault(
        "scrape/exporter-killed",
        "node-exporter is dead.",
        lambda site: killed(site, NODE_EXPORTER),
        Verdict.GO,
        warnings=_DOWN,
        reason="It is advisory: some hosts refuse the mount that it wants, and the push path is there because of that.",
    ),
    _warned(
        "exporter-hangs",
        "node-exporter accepts connections and never answers.",
        lambda site: paused(site, NODE_EXPORTER),
        *_DOWN,
    ),
    Fault(
        "scrape/exporter-timeout",
        "The job gives node-exporter less time than it takes to answer.",
        _too_late(_node_exporter),
        Verdict.HOLD,
        "scrape/config-differs",
        warnings=_DOWN,
        stacks=(PROCESSES,),
    ),
    _warned(
        "textfile-torn",
        "Somebody's .prom file breaks off in the middle.",
        _torn,
        "scrape/textfile-error",
    ),
    _warned(
        "textfile-timestamp",
        "Somebody's .prom file has a timestamp in it.",
        _textfile("timestamp.prom", "somebody_s_metric 1 1700000000000\n"),
        "scrape/textfile-error",
    ),
    _warned("textfile-empty", "Somebody's .prom file is empty.", _textfile("empty.prom", "")),
    _warned(
        "textfile-frozen",
        "The script writes where node-exporter does not look.",
        _frozen,
        "scrape/paths-disagree",
    ),
    Fault(
        "scrape/push-path-dropped",
        "A relabelling rule drops the heartbeat on the push path; the textfile still delivers.",
        _keeps_nothing(pushgateway),
        Verdict.HOLD,
        "scrape/config-differs",
        also=("transport/required-path-dead",),
    ),
    Fault(
        "scrape/textfile-path-dropped",
        "A relabelling rule drops the heartbeat on the textfile path; the push still delivers.",
        _keeps_nothing(_node_exporter),
        Verdict.HOLD,
        "scrape/config-differs",
        warnings=("scrape/paths-disagree",),
    ),
)
