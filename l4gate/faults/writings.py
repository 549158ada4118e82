"""Lies by text files, and of another realm's writer: series under names, jobs and realms that are not theirs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

from l4gate.base import Verdict
from l4gate.faults.decision import service_does
from l4gate.faults.edits import jobs_changed
from l4gate.faults.lying import (
    DIFFERS,
    LET_IN,
    NO_TARGET,
    SAYS_ABORT,
    SAYS_GO,
    SOMEBODY,
    Lines,
    alarming_value,
    blinding,
    calm_value,
    energy,
    hold,
)
from l4gate.faults.model import Action, Fault, Liar, Site
from l4gate.faults.tools import (
    at_once,
    beating,
    exposition,
    extra_textfile,
    group,
    other_realm,
    remove_textfiles,
    sample,
    send,
    write_textfile,
)


def _writes(lines: Lines) -> Action:
    return lambda site: extra_textfile(site, f"{SOMEBODY}.prom", lines(site))


def _up(site: Site) -> str:
    job = site.contract.targets.pushgateway.job
    return sample(site, "up", 1, job=job, instance=SOMEBODY)


def _blind(site: Site) -> AbstractContextManager[object]:
    return service_does(blinding(site.contract))(site)


@contextmanager
def _textfile_only(site: Site) -> Iterator[None]:
    """Somebody writes the text file at every beat; the last push of the writer stays."""

    def beat() -> None:
        now = time.time()
        write_textfile(site, "heartbeat.prom", exposition(site, now, now))

    with beating(site, beat):
        remove_textfiles(site)
        yield
    (site.sandbox.stack.textfile_dir / "heartbeat.prom").unlink(missing_ok=True)


def _other_realm_s_beat(site: Site) -> AbstractContextManager[None]:
    """Another realm beats where ours is dead, and pushes as we would."""

    def beat() -> None:
        now = time.time()
        ours, theirs = (f'{site.contract.realm.label}="{name}"' for name in (site.realm, other_realm(site)))
        send(site, "PUT", group(site), exposition(site, now, now).replace(ours, theirs))

    @contextmanager
    def impostor() -> Iterator[None]:
        with beating(site, beat):
            remove_textfiles(site)
            yield

    return impostor()


def _realm_rewritten(job: dict[str, Any], site: Site) -> None:
    label = site.contract.realm.label
    step = {"source_labels": [label], "regex": other_realm(site), "target_label": label}
    job.setdefault("metric_relabel_configs", []).append({**step, "replacement": site.realm})


FAULTS: Final = (
    hold(
        "rules/energy-by-textfile",
        "An input of an abort condition is missing, and a text file has its value, with empty labels; it is dropped.",
        at_once(_writes(energy(calm_value, job="", instance="")), _blind),
        "verdict/abort-input-missing",
        SAYS_GO[Liar.TEXT_FILE],
    ),
    hold(
        "rules/energy-by-textfile-let-in",
        "The same, and the server lets it in: to the label it looks as if a rule had recorded it.",
        at_once(LET_IN, _writes(energy(calm_value, job="", instance="")), _blind),
        "rules/contradicted",
        SAYS_GO[Liar.TEXT_FILE],
        DIFFERS,
    ),
    Fault(
        "rules/alarm-by-textfile",
        "A text file has a bad value of what an abort condition watches, with empty labels; it is dropped.",
        _writes(energy(alarming_value, job="", instance="")),
        Verdict.GO,
        lie=SAYS_ABORT[Liar.TEXT_FILE],
    ),
    hold(
        "rules/alarm-by-textfile-let-in",
        "A text file has a bad value of what an abort condition watches, and the server lets it in.",
        at_once(LET_IN, _writes(energy(alarming_value))),
        "rules/contradicted",
        SAYS_ABORT[Liar.TEXT_FILE],
        DIFFERS,
    ),
    hold(
        "scrape/up-by-textfile",
        "The pushgateway job has no target, and a text file has its `up`; it is dropped.",
        at_once(NO_TARGET, _writes(_up)),
        "scrape/no-target",
        SAYS_GO[Liar.TEXT_FILE],
        slow=True,
    ),
    hold(
        "scrape/up-by-textfile-let-in",
        "The same, and the server lets it in.",
        at_once(LET_IN, NO_TARGET, _writes(_up)),
        "scrape/target-unknown",
        SAYS_GO[Liar.TEXT_FILE],
        DIFFERS,
        slow=True,
    ),
    hold(
        "transport/textfile-only",
        "The writer is dead, and somebody writes its text file at every beat.",
        _textfile_only,
        "transport/required-path-dead",
        SAYS_GO[Liar.TEXT_FILE],
    ),
    hold(
        "transport/other-realm-s-beat",
        "The writer is dead, and another realm beats under its job and instance.",
        _other_realm_s_beat,
        "transport/label-mismatch",
        SAYS_GO[Liar.OTHER_REALM],
    ),
    hold(
        "scrape/realm-rewritten",
        "The same, and a relabelling step on the server gives its beat our realm.",
        at_once(jobs_changed(_realm_rewritten), _other_realm_s_beat),
        DIFFERS,
        SAYS_GO[Liar.OTHER_REALM],
    ),
)
