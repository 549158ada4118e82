"""What each setting is at this moment and where it comes from, for people: nothing here repeats a secret."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from l4gate.base import UsageError, without_credentials
from l4gate.settings.loading import Settings, found_for, load_settings, parsed
from l4gate.settings.register import IMAGE_VARIABLES, OPTIONS, VARIABLES, Option
from l4gate.settings.values import file

_NONE: Final = "none"
_HIDDEN: Final = "(not shown)"
_DIGEST: Final = re.compile(
    r"@sha256:[0-9a-f]{64}$"
)  # behind an image's name; the one @ that follows no password


@dataclass(frozen=True)
class InForce:
    """One setting: its variable, what holds, and where that is from. `wrong` says why a run would refuse it."""

    env: str
    value: str
    origin: Literal["option", "environment", "default"]
    wrong: str = ""


def chosen(variable: str, environ: Mapping[str, str] | None = None) -> str:
    """
    What a variable of `VARIABLES` says; empty when it is not set.

    Raises:
        LookupError: if there is no such variable.
    """
    if variable not in {each.env for each in VARIABLES}:
        raise LookupError(variable)
    return (os.environ if environ is None else environ).get(variable, "")


def chosen_images(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The image variables that are set, as compose.observation.yml has them."""
    return {each.env: found for each in IMAGE_VARIABLES if (found := chosen(each.env, environ))}


def in_force(given: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> tuple[InForce, ...]:
    """
    Every option and variable of the register, in its order.

    Args:
        given: options of this command line, by `Option.dest`.
        environ: the environment; that of this process unless given.
    """
    environ = os.environ if environ is None else environ
    wrong = {option.name: said for option in OPTIONS if (said := _wrong(option, given, environ))}
    sound = [option for option in OPTIONS if option.name not in wrong]
    try:
        settings = load_settings(
            {option.dest: given.get(option.dest) for option in sound},
            {option.env: environ[option.env] for option in sound if option.env in environ},
        )
    except UsageError as error:  # each is sound, but they contradict each other
        settings, wrong = Settings(), wrong | {"stack": error.message}
    options = (_option(option, given, environ, settings, wrong.get(option.name, "")) for option in OPTIONS)
    variables = (
        InForce(each.env, _shown(found), "environment")
        if (found := chosen(each.env, environ))
        else InForce(each.env, each.default, "default")
        for each in VARIABLES
    )
    return (*options, *variables)


def _option(
    option: Option, given: Mapping[str, Any], environ: Mapping[str, str], settings: Settings, wrong: str
) -> InForce:
    found, given_here = found_for(option, given, environ)
    if found is not None:
        text = _HIDDEN if wrong and option.parse is file else _shown(_words(found))
        return InForce(option.env, text, "option" if given_here else "environment", wrong)
    value = getattr(settings, f"{option.dest}s" if option.repeatable else option.dest)
    return InForce(option.env, option.default or _words(value), "default", wrong)


def _wrong(option: Option, given: Mapping[str, Any], environ: Mapping[str, str]) -> str:
    found, _ = found_for(option, given, environ)
    try:
        if found is not None:
            parsed(option, found)
    except UsageError as error:
        if option.parse is file:  # a token itself, perhaps, where the name of its file was wanted
            return f"expected a readable file, found none of that name {_HIDDEN}."
        return without_credentials(error.message, [_words(found)])
    return ""


def _words(value: Any) -> str:
    if value is None:
        return _NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return ", ".join(value) if isinstance(value, tuple | list) else str(value)


def _shown(text: str) -> str:
    return text if _DIGEST.search(text) else without_credentials(text, [text])
