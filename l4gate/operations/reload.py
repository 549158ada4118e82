"""
Safe reload: check, switch, reload, prove.

Nothing is put into the live folder before it has passed the check. If the server refuses, or it cannot be proven that
the new configuration is the live one, the old files come back and are reloaded, because a refused reload is partial:
scrape jobs are taken over while the rules stay old.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from l4gate.base import ApiUnreachable, GateError, OperationRefused, RuleError, wait_until, why
from l4gate.contract import Contract, Pace
from l4gate.operations.checking import check, named_outside
from l4gate.operations.configuration import Configuration, read_configuration
from l4gate.operations.live_folder import refuse_work_tree, switch
from l4gate.operations.proof import unproven
from l4gate.operations.taking_back import take_back
from l4gate.programs import Promtool, release_of
from l4gate.prometheus_api import PrometheusApi
from l4gate.rules import RuleGroup, rules_hash
from l4gate.settings import GENERATIONS
from l4gate.stack import Stack

RELOAD_SECONDS: Final = 30.0  # takes milliseconds, but Prometheus sets itself no limit
DISCOVERY_SECONDS: Final = 5.0  # Prometheus' ticker: a new scrape job has its first target after at most that
_ROOM_SECONDS: Final = 10.0  # on top of the theoretical bound, for a busy machine
_POLL_SECONDS: Final = (0.05, 1.0)
_SHOWN_DIFFERENCES: Final = 5


@dataclass(frozen=True)
class LiveServer:
    """
    A running Prometheus with the folder that it reads.

    `pace` and `realms` (none: the contract's own) say how the folder was rendered from the repository;
    `promtool` gives one for a version.
    """

    api: PrometheusApi
    live_dir: Path
    promtool: Callable[[str], Promtool]
    pace: Pace
    realms: tuple[str, ...] = ()
    only_of: Contract | None = None  # leaves out rule groups of others, see `diff_rules`

    @classmethod
    def of_stack(cls, stack: Stack) -> LiveServer:
        """The Prometheus of a stack of ours."""
        api = PrometheusApi(stack.prometheus_url, timeout_seconds=RELOAD_SECONDS)
        return cls(api, stack.config_dir, lambda _version: stack.promtool, stack.spec.pace, stack.spec.realms)


@dataclass(frozen=True)
class Reloaded:
    """What is proven to be live. `seconds` counts from the first check to the proof."""

    content_hash: str
    rules_hash: str
    groups: int
    rules: int
    server_version: str
    promtool_version: str
    promtool_origin: str
    seconds: float


def generation_of(version: str) -> str:
    """The generation of `settings.GENERATIONS` nearest to a version such as 3.5.3+ds1; the newest for none."""
    try:
        major, minor = release_of(version)
    except ValueError:
        return GENERATIONS[-1]

    def distance(generation: str) -> tuple[int, int]:
        other_major, other_minor = release_of(generation)
        return abs(major - other_major), abs(minor - other_minor)

    return min(GENERATIONS, key=distance)


def reload_live(
    server: LiveServer, wanted: Configuration | None = None, *, replacing: Configuration | None = None
) -> Reloaded:
    """
    Makes `wanted` (or the files as they stand in the live folder) what the server runs, and proves it.

    What takes the place of anything but `replacing` is refused: by default, of what is there when it begins.

    Raises:
        OperationRefused: if a check failed, the server refused or the proof did not come; says what is live now.
        ApiError: if the server cannot be asked; nothing was changed.
    """
    started = time.monotonic()
    if wanted is not None:
        refuse_work_tree(server.live_dir)
    before = replacing or read_configuration(server.live_dir)
    content = wanted or before
    version = server.api.version()
    promtool = server.promtool(version)
    groups = check(content, promtool, live_dir=server.live_dir, pace=server.pace, realms=server.realms)
    changed = content.hash != before.hash
    if changed:
        _refuse_half(server, before)
    switched = False
    try:
        if changed:
            switch(server.live_dir, content, replacing=(before,))
            switched = True
        _reload_and_prove(server, content, groups)
    except (
        BaseException
    ) as error:  # whatever it was, files and server must be in step before anybody hears of it
        if changed and not switched and isinstance(error, OperationRefused):
            raise  # nothing was touched, and what is live may be somebody else's
        now_live = _back(server, before, content) if changed else _UNCHANGED
        if not isinstance(error, Exception):
            error.add_note(content.without_secrets(before.without_secrets(now_live)))
            raise
        said = str(error) if isinstance(error, GateError) else f"{why(error)}."
        message = f"the configuration is not live: {said} {now_live}"
        message = content.without_secrets(before.without_secrets(message))
        raise OperationRefused(message, next_step="correct it and reload again.") from None
    return Reloaded(
        content.hash,
        rules_hash(groups),
        len(groups),
        sum(len(group.rules) for group in groups),
        version,
        promtool.version,
        promtool.origin,
        time.monotonic() - started,
    )


_UNCHANGED: Final = "The files in the folder are as they were; of the server nothing is known but that."


def _back(server: LiveServer, before: Configuration, content: Configuration) -> str:
    def prove() -> None:
        _prove(server, before, before.rules(), server.api.now())

    return take_back(server.api, server.live_dir, before, content, prove)


def _refuse_half(server: LiveServer, before: Configuration) -> None:
    try:
        outside = before.names_outside(server.live_dir)
    except RuleError:
        return  # no server has loaded what cannot be read; there is nothing that it names
    if outside:
        said = named_outside(outside)
        message = f"expected a live folder that is switched as a whole, nothing was changed: its {said}"
        raise OperationRefused(message, next_step="move those files there, and name them relative to it.")


def _reload_and_prove(server: LiveServer, content: Configuration, groups: tuple[RuleGroup, ...]) -> None:
    since = server.api.now()
    refusal = server.api.reload()
    if refusal:
        message = f"{server.api.base_url}/-/reload was refused: {refusal}."
        raise OperationRefused(message, next_step="read its log; --web.enable-lifecycle must be set.")
    _prove(server, content, groups, since)


def _prove(server: LiveServer, content: Configuration, groups: tuple[RuleGroup, ...], since: float) -> None:
    """Waits until the server says of itself what the files say; `since` is its time before the rules' evaluation."""
    slowest = max((group.interval_seconds or 0.0 for group in groups), default=0.0)
    missing: list[str] = []

    def proven() -> bool:
        found = unproven(
            server.api, content, groups, since, contract=server.pace.contract, only_of=server.only_of
        )
        try:
            missing[:] = list(found)
        except ApiUnreachable as error:  # one answer that did not come disproves nothing
            missing[:] = [str(error)]
        return not missing

    wait_until(
        proven,
        deadline_seconds=2 * slowest + DISCOVERY_SECONDS + server.pace.scrape_interval + _ROOM_SECONDS,
        interval_seconds=min(max(slowest / 8, _POLL_SECONDS[0]), _POLL_SECONDS[1]),
        what="the new configuration to be the live one",
        last_seen=lambda: "; ".join(missing[:_SHOWN_DIFFERENCES]),
        next_step=f"look at {server.api.base_url}/config, /rules and /targets.",
    )
