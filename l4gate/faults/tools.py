"""What the actions of several stages share: editing the live configuration, pushing and writing as somebody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import yaml

from l4gate.contract import Contract, Target
from l4gate.faults.exchange import Behaviour
from l4gate.faults.model import Action, Site
from l4gate.prometheus_api import HttpError, new_session

_PUSH_SECONDS: Final = 5.0
# Which scrape job, of whatever contract.
Job = Callable[[Contract], Target]
# What a rule records, or the alert that it is, in whatever contract.
Named = Callable[[Contract], str]


def pushgateway(contract: Contract) -> Target:
    """The job that scrapes the Pushgateway."""
    return contract.targets.pushgateway


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


@contextmanager
def edited(site: Site, name: str, change: Callable[[str], str], *, reload: bool = True) -> Iterator[None]:
    """Changes a live configuration file and reloads; puts it back and reloads again."""
    path = site.sandbox.stack.config_dir / name
    before = path.read_text() if path.exists() else None
    path.write_text(change(before or ""))
    try:
        if reload:
            site.sandbox.stack.reload()
        yield
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before)
        if reload:
            site.sandbox.stack.reload()


def job_set(job: Job = pushgateway, **settings: Any) -> Action:
    """Changes settings of one scrape job."""

    def action(site: Site) -> AbstractContextManager[None]:
        name = job(site.contract).job

        def change(text: str) -> str:
            config = yaml.safe_load(text)
            next(each for each in config["scrape_configs"] if each["job_name"] == name).update(settings)
            return yaml.safe_dump(config)

        return edited(site, "prometheus.yml", change)

    return action


def rule_changed(
    named: Named, change: Callable[[list[dict[str, Any]], dict[str, Any], Site], None]
) -> Action:
    """Changes the rules of the group on the server that has a rule, as data: `change(rules, rule, site)`."""

    def action(site: Site) -> AbstractContextManager[None]:
        name = named(site.contract)
        for path in sorted((site.sandbox.stack.config_dir / "rules").rglob("*.yml")):
            if _rule_in(yaml.safe_load(path.read_text()), name) is not None:

                def changed(text: str) -> str:
                    config = yaml.safe_load(text)
                    rules, rule = _rule_in(config, name) or ([], {})
                    change(rules, rule, site)
                    return yaml.safe_dump(config)

                return edited(site, str(path.relative_to(site.sandbox.stack.config_dir)), changed)
        message = f"no rule of the server is {name}"
        raise LookupError(message)

    return action


def _rule_in(config: Any, name: str) -> tuple[list[dict[str, Any]], dict[str, Any]] | None:
    for group in config["groups"]:
        for rule in group["rules"]:
            if rule.get("record", rule.get("alert")) == name:
                return group["rules"], rule
    return None


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
