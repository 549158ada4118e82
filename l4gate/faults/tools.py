"""What the actions of several stages share: pushing and writing as somebody else, stopping parts of the stack."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from l4gate.contract import AbortCondition, Contract
from l4gate.faults.edits import Job, job_set, pushgateway
from l4gate.faults.exchange import Behaviour
from l4gate.faults.model import Action, Site
from l4gate.prometheus_api import HttpError, new_session

_PUSH_SECONDS: Final = 5.0


def unlike(name: str, *others: str) -> str:
    """The first of the others that is not this name: a contract may have chosen any of them for itself."""
    return next(other for other in others if other != name)


def other_realm(site: Site) -> str:
    """A realm that is not the site's."""
    return unlike(site.realm, "staging", "elsewhere")


def group(site: Site) -> str:
    """Where the heartbeat is pushed."""
    heartbeat = site.contract.heartbeat
    return f"/metrics/job/{heartbeat.job}/instance/{heartbeat.instance}"


def of_the_service(contract: Contract) -> AbortCondition:
    """The first abort condition that is not on the heartbeat; on the heartbeat if there is no other."""
    others = (each for each in contract.abort.conditions if each.metric not in contract.decisive)
    return next(others, contract.abort.conditions[0])


def at_once(*actions: Action) -> Action:
    """Several actions as one: injected in this order, healed in reverse."""

    @contextmanager
    def action(site: Site) -> Iterator[None]:
        with ExitStack() as healing:
            for each in actions:
                healing.enter_context(each(site))
            yield

    return action


@contextmanager
def scraped_through(
    site: Site, behaviour: Behaviour, job: Job = pushgateway, **settings: Any
) -> Iterator[None]:
    """Puts the scrape proxy, misbehaving, between Prometheus and a job's target; also changes the job's settings."""
    with site.scrapes.behaving(behaviour), job_set(job, proxy_url=site.scrapes.url, **settings)(site):
        yield


@contextmanager
def heart_set(site: Site, **environment: str) -> Iterator[None]:
    """Runs the heartbeat script with another environment."""
    overrides = site.sandbox.heart.overrides
    overrides |= environment
    try:
        yield
    finally:
        for name in environment:
            overrides.pop(name, None)
        site.sandbox.heart.beat()  # sooner than its next one: what is waited for is the gate


@contextmanager
def heart_stopped(site: Site) -> Iterator[None]:
    """No beat within the block."""
    site.sandbox.heart.stop()
    try:
        yield
    finally:
        site.sandbox.heart.start()


@contextmanager
def sourced(site: Site, code: str, **environment: str) -> Iterator[None]:
    """Lets bash read `code` before the heartbeat script, in place of changing the script (see BASH_ENV in bash(1))."""
    path = site.sandbox.stack.run_dir / "sourced.bash"
    path.write_text(code)
    with heart_set(site, BASH_ENV=str(path), **environment):
        yield
    path.unlink()


@contextmanager
def beating(site: Site, beat: Callable[[], object]) -> Iterator[None]:
    """Another writer in place of the heartbeat script, at its pace."""
    heart = site.sandbox.heart
    with ExitStack() as healing:
        healing.enter_context(heart_stopped(site))
        action = heart._action  # noqa: SLF001 - the one thing that differs is what is done at each beat

        def attempt() -> None:
            with suppress(HttpError):  # another fault may have taken the Pushgateway away
                beat()

        def restore() -> None:
            heart.stop()
            heart._action = action  # noqa: SLF001

        healing.callback(restore)
        heart._action = attempt  # noqa: SLF001
        heart.start()
        yield


@contextmanager
def beating_as(site: Site, job: str, instance: str) -> Iterator[None]:
    """Another writer that only pushes, under another grouping key; of the script nothing is left."""
    path = f"/metrics/job/{job}/instance/{instance}"

    def beat() -> None:
        now = time.time()
        send(site, "PUT", path, exposition(site, now, now))

    with beating(site, beat):
        send(site, "DELETE", group(site))
        remove_textfiles(site)
        yield
    send(site, "DELETE", path)


def sample(site: Site, name: str, value: float, **labels: str) -> str:
    """One line of the text format, of the site's realm."""
    pairs = {site.contract.realm.label: site.realm, **labels}
    inside = ",".join(f'{key}="{text}"' for key, text in pairs.items())
    return f"{name}{{{inside}}} {value:g}\n"


def exposition(site: Site, time: float, sequence: float) -> str:
    """The two metrics of a beat, as somebody else than the script would write them."""
    heartbeat = site.contract.heartbeat
    values = {heartbeat.time: time, heartbeat.sequence: sequence}
    return "".join(
        f"# TYPE {name} gauge\n{site.contract.selector(name, site.realm)} {value}\n"
        for name, value in values.items()
    )


def send(site: Site, method: str, path: str, body: str = "") -> str:
    """One request to the Pushgateway itself, past the proxy; returns its words if it refuses, else an empty text."""
    url = site.sandbox.stack.pushgateway_url
    with new_session(url) as session:
        answer = session.request(
            method,
            url + path,
            data=body.encode(),
            headers={"Content-Type": "text/plain; version=0.0.4"},
            timeout=_PUSH_SECONDS,
        )
    return "" if answer.ok else f"HTTP {answer.status_code}: {answer.text}"


def write_textfile(site: Site, name: str, text: str) -> None:
    """A file for node-exporter, whole at once."""
    path = site.sandbox.stack.textfile_dir / name
    temporary = path.with_suffix(".part")
    temporary.write_text(text)
    temporary.chmod(0o644)
    temporary.replace(path)


def remove_textfiles(site: Site) -> None:
    """Removes what the script wrote for node-exporter."""
    for path in site.sandbox.stack.textfile_dir.glob("*.prom"):
        path.unlink(missing_ok=True)


@contextmanager
def pushed(site: Site, path: str, body: str) -> Iterator[None]:
    """Somebody else's group on the Pushgateway."""
    if refusal := send(site, "PUT", path, body):
        message = f"the Pushgateway refused the fault's own push: {refusal}"
        raise RuntimeError(message)
    try:
        yield
    finally:
        send(site, "DELETE", path)


@contextmanager
def extra_textfile(site: Site, name: str, text: str) -> Iterator[None]:
    """Somebody else's .prom file."""
    write_textfile(site, name, text)
    try:
        yield
    finally:
        (site.sandbox.stack.textfile_dir / name).unlink(missing_ok=True)


@contextmanager
def killed(site: Site, service: str) -> Iterator[None]:
    """A service is gone."""
    site.sandbox.stack.kill(service)
    try:
        yield
    finally:
        site.sandbox.stack.start(service)


@contextmanager
def paused(site: Site, service: str) -> Iterator[None]:
    """A service hangs: its port accepts and nobody answers."""
    site.sandbox.stack.pause(service)
    try:
        yield
    finally:
        site.sandbox.stack.resume(service)


def elsewhere(site: Site) -> Path:
    """A folder that is not there."""
    return site.sandbox.stack.run_dir / "no-such-folder"
