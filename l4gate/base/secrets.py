"""Keeping credentials out of what people are told: of a URL, what stands before the `@` or in the query."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def without_credentials(message: str, arguments: Iterable[str]) -> str:
    """The message without what stands before the `@` or in the query of any URL among the arguments."""
    secrets = {secret for argument in arguments for secret in _secrets(argument)}
    secrets |= {repr(secret)[1:-1] for secret in secrets}
    for secret in sorted(secrets, key=len, reverse=True):
        message = message.replace(secret, "(not shown)")
    return message


def _secrets(argument: str) -> Iterator[str]:
    value = argument.partition("=")[2] if argument.startswith("-") else argument
    _, scheme, rest = value.partition("://")
    before_host = (rest or value).rpartition("@")[0]
    if before_host and (scheme or ":" in before_host):
        yield before_host
    if scheme and "?" in rest:
        yield rest.partition("?")[2]
