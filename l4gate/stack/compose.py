"""
The service definitions in compose.observation.yml, read for the gate's own stacks.

A real `docker compose` reads the file too, so only what both need is understood here: images with
`${VAR:-default}`, commands, one published port, mounts of a folder or volume, and an HTTP health check.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from l4gate.base import COMPOSE_FILE, RuleError, StackError, format_duration, parse_duration, yamldoc
from l4gate.settings import chosen_images

# Flags of which the value is a duration of the system, and so is divided by the time factor.
_SCALED_FLAGS: Final = ("--query.lookback-delta", "--rules.alert.resend-delay", "--persistence.interval")
_LISTEN_FLAG: Final = "--web.listen-address"
_VARIABLE: Final = re.compile(r"\$\{(?P<name>\w+):-(?P<default>[^}]*)\}")


@dataclass(frozen=True)
class Service:
    """One service as the compose file has it, with variables resolved."""

    name: str
    image: str
    image_is_chosen: bool  # by an environment variable: then no other image may stand in for it
    command: tuple[str, ...]
    port: int
    mounts: Mapping[str, bool]  # path in the container -> whether it is read-only
    ready_path: str  # of the HTTP health check

    def arguments(self, *, factor: float, listen: str, paths: Mapping[str, Path] | None = None) -> list[str]:
        """
        The command for one run.

        Args:
            factor: durations of the system are divided by it.
            listen: address and port to listen on.
            paths: where the mounted folders are on this host; None inside a container, where paths stay.
        """
        return [self._argument(word, factor, listen, paths or {}) for word in self.command]

    def _argument(self, word: str, factor: float, listen: str, paths: Mapping[str, Path]) -> str:
        flag, separator, value = word.partition("=")
        if flag == _LISTEN_FLAG:
            value = listen
        elif flag in _SCALED_FLAGS:
            value = format_duration(parse_duration(value) / factor)
        for inside, outside in paths.items():
            if value == inside or value.startswith(inside + "/"):
                value = str(outside) + value.removeprefix(inside)
        return f"{flag}{separator}{value}"


def load_services(
    generation: str, path: Path = COMPOSE_FILE, environ: Mapping[str, str] | None = None
) -> dict[str, Service]:
    """
    The services by name, with the images of a generation. An image variable that is set wins over the generation.

    Raises:
        StackError: if the file cannot be read or is not of the expected form.
    """
    environ = chosen_images() if environ is None else environ
    try:
        document = yamldoc.plain(path.read_text(), str(path))
        images = document["x-generations"].get(generation, {})
        return {
            name: _service(name, definition, images.get(name), environ)
            for name, definition in document["services"].items()
        }
    except (OSError, RuleError, LookupError, TypeError, ValueError, AttributeError) as error:
        message = f"expected services with image, command, ports, volumes and healthcheck in {path}, found {error!r}."
        raise StackError(message, next_step="compare the file with the one in the repository.") from None


def _service(name: str, definition: dict[str, Any], image: str | None, environ: Mapping[str, str]) -> Service:
    written = definition["image"]
    variable = _VARIABLE.search(written)
    chosen = variable is not None and bool(environ.get(variable["name"]))
    (published,) = definition["ports"]
    (url,) = (word for word in definition["healthcheck"]["test"] if word.startswith("http://"))
    return Service(
        name=name,
        image=_resolve(written, environ) if chosen or image is None else image,
        image_is_chosen=chosen,
        command=tuple(_resolve(word, environ) for word in definition["command"]),
        port=int(published.rpartition(":")[2]),
        mounts=dict(_mount(_resolve(mount, environ)) for mount in definition.get("volumes", [])),
        ready_path=urlsplit(url).path,
    )


def _mount(text: str) -> tuple[str, bool]:
    _, inside, *mode = text.split(":")
    return inside, "ro" in mode


def _resolve(text: str, environ: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: environ.get(found["name"]) or found["default"], text)
