"""The promtool inside an image of Prometheus, for hosts that have none of that version."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from l4gate.base import StackError
from l4gate.programs import PromtoolResult
from l4gate.stack.engine import engine_errors, labels_of, suppress_engine_errors
from l4gate.stack.images import Image

if TYPE_CHECKING:
    import docker  # type: ignore[import-untyped] # docker-py has no types

# What every container of ours is denied, as in the compose file.
HARDENED: Final[Mapping[str, Any]] = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
}


class ImagePromtool:
    """The promtool in an image of Prometheus. See `promtool.Promtool`."""

    def __init__(self, client: docker.DockerClient, image: Image, user: str, run_id: str) -> None:
        self._client = client
        self._image = image
        self._user = user
        self._run_id = run_id
        self.origin = image.origin

    @cached_property
    def version(self) -> str:
        """See `Promtool.version`."""
        answer = self.run("--version", folder=Path("/"))
        found = re.search(r"version (\S+)", answer.stdout + answer.stderr)
        return found[1] if found else "unknown"

    def run(self, *args: str, folder: Path, timeout_seconds: float = 60) -> PromtoolResult:
        """See `Promtool.run`."""
        place = str(folder.resolve())
        container = None
        try:
            container = self._client.containers.create(
                self._image.id,
                list(args),
                entrypoint=["/bin/promtool"],
                user=self._user,
                labels=labels_of(self._run_id),
                network_mode="none",
                tmpfs={"/tmp": "mode=1777"},  # noqa: S108 - inside the container
                volumes={} if place == "/" else {place: {"bind": place, "mode": "rw,z"}},
                working_dir=place,
                **HARDENED,
            )
            container.start()
            code = container.wait(timeout=timeout_seconds)["StatusCode"]
            out, err = (container.logs(stdout=wanted, stderr=not wanted).decode() for wanted in (True, False))
        except engine_errors() as error:
            message = f"promtool {' '.join(args)} in {self._image.origin} did not end in order: {error}."
            raise StackError(message, next_step="see the engine's log.") from None
        finally:
            if container is not None:
                with suppress_engine_errors():
                    container.remove(v=True, force=True)
        return PromtoolResult(code, out, err)
