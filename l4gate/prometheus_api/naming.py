"""Whether a server is the engine that it was said to be: a name is found out, never believed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from l4gate.base import ApiBadAnswer
from l4gate.prometheus_api.answers import quoted
from l4gate.prometheus_api.dialects import DIALECTS, Dialect


def hold_to_name(named: Dialect, calls_itself: Callable[[], str], url: str) -> None:
    """
    Holds the server to what it calls itself.

    Raises:
        ApiBadAnswer: if that is not the name, or it does not say what this engine always says.
        ApiUnreachable: if it does not answer.
    """
    try:
        said = calls_itself()
    except ApiBadAnswer as error:
        if named.application:
            message = f"{url} was said to be {named.name}, and does not call itself so: {error.message}"
            raise ApiBadAnswer(message, next_step=error.next_step) from None
        said = ""  # Prometheus and its like: the page may be missing, and would not say
    if said != named.application:
        raise _another(named, url, f"calls itself {quoted(said)}" if said else "does not call itself so")


def hold_groups_to_name(named: Dialect, groups: Sequence[Mapping[str, Any]], url: str) -> None:
    """
    Holds the rule groups of a server to what only those of one engine have.

    Raises:
        ApiBadAnswer: if they have another engine's field, or lack that of the named one.
    """
    for other in DIALECTS.values():
        if other.mark and other is not named and any(other.mark in each for each in groups):
            raise _another(named, url, f"has {other.mark!r} in its rule groups, as {other.name} has")
    if named.has_mark and not all(named.mark in each for each in groups):
        raise _another(named, url, f"has no {named.mark!r} in its rule groups")


def _another(named: Dialect, url: str, what: str) -> ApiBadAnswer:
    message = f"{url} was said to be {named.name}, and {what}."
    return ApiBadAnswer(message, next_step="name the engine that it is (--engine), or none.")
