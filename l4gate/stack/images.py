"""
The images of the services: one that is here, one from a registry, or one built from Debian's packages.

A built image holds the program, the C library it was built for, a busybox for health checks, and a data folder for the
user 65534, laid out like the upstream image of the same program. It is built once and kept.
"""

from __future__ import annotations

import io
import re
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import docker.errors  # type: ignore[import-untyped] # docker-py has no types

from l4gate.base import ProgramMissing
from l4gate.programs import TEMPLATE_NAMES, TEMPLATES, image_contents, locked_cache
from l4gate.stack.compose import Service
from l4gate.stack.engine import NOBODY, Engine, engine_errors
from l4gate.stack.model import ALERTMANAGER, NODE_EXPORTER, PROMETHEUS, PUSHGATEWAY

_REGISTRY_SECONDS: Final = (
    5.0  # a registry that answers takes below 1 s; without a network nobody should wait longer
)
_PULL_SECONDS: Final = 120.0  # of silence; the largest image is 130 MB
_BUILD_SECONDS: Final = 120.0  # takes 4 s
_GENERATION_LABEL: Final = "l4gate.generation"
_SERVICE_LABEL: Final = "l4gate.service"
_ORIGIN_LABEL: Final = "l4gate.origin"
# What goes into a built image: the programs (the first is run) and the folder that it writes to.
_BUILT: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    PROMETHEUS: (("prometheus", "promtool"), "prometheus"),
    PUSHGATEWAY: (("pushgateway",), "pushgateway"),
    NODE_EXPORTER: (("node_exporter",), "textfile"),
    ALERTMANAGER: (("alertmanager", "amtool"), "alertmanager"),
}


@dataclass(frozen=True)
class Image:
    """An image that is in the engine: its id, and where it is from."""

    id: str
    origin: str


def image_for(
    service: Service, generation: str, engine: Engine, cache_dir: Path, say: Callable[[str], None]
) -> Image:
    """
    The image of a service.

    Raises:
        ProgramMissing: if it is not here and can be neither pulled nor built.
    """
    client = engine.client(timeout_seconds=_BUILD_SECONDS)
    try:
        found = _local(client, service.image)
        if found is None and not service.image_is_chosen:
            found = _built(client, service.name, generation)
        if found:
            return found
        refused = _why_no_registry(engine, service.image)
        if refused is None:
            say(f"pulling {service.image}")
            refused = _pull(engine, service.image)
            found = _local(client, service.image)
        if found:
            return found
        if service.image_is_chosen:
            message = f"the image {service.image} was chosen for {service.name}, is not here, and {refused}"
            raise ProgramMissing(message, next_step="correct or unset the variable that names it.")
        # Another run may have built it while we waited for the lock.
        with locked_cache(cache_dir, f"image-{service.name}.lock"):
            return _built(client, service.name, generation) or _build(
                client, service.name, generation, cache_dir, say
            )
    finally:
        client.close()


def _local(client: docker.DockerClient, name: str) -> Image | None:
    try:
        image = client.images.get(name)
    except docker.errors.ImageNotFound:
        return None
    return Image(image.id, f"image {name} ({image.short_id})")


def _built(client: docker.DockerClient, service: str, generation: str) -> Image | None:
    labels = [f"{_SERVICE_LABEL}={service}", f"{_GENERATION_LABEL}={generation}"]
    for image in client.images.list(filters={"label": labels}):
        if image.tags:
            return Image(image.id, f"image {image.tags[0]} built from {image.labels.get(_ORIGIN_LABEL)}")
    return None


def _why_no_registry(engine: Engine, name: str) -> str | None:
    """Why the registry of an image cannot be used, or None if it answers. Pulling would take its time to find out."""
    client = engine.client(timeout_seconds=_REGISTRY_SECONDS)
    try:
        client.images.get_registry_data(name)
    except docker.errors.NotFound as error:
        if "page not found" in str(error):  # Podman cannot be asked; it says so when pulling
            return None
        return f"the registry does not have it: {error.explanation}."
    except engine_errors() as error:
        return f"no registry answers: {getattr(error, 'explanation', None) or error}."
    finally:
        client.close()
    return None


def _pull(engine: Engine, name: str) -> str:
    """Pulls an image. Returns what went wrong, or an empty text."""
    client = engine.client(timeout_seconds=_PULL_SECONDS)
    try:
        client.images.pull(name)
    except engine_errors() as error:
        return f"pulling failed: {error}."
    finally:
        client.close()
    return ""


def _build(
    client: docker.DockerClient, service: str, generation: str, cache_dir: Path, say: Callable[[str], None]
) -> Image:
    names, folder = _BUILT[service]
    programs, rest = image_contents(names, generation, cache_dir)
    program = programs[names[0]]
    release = re.match(r"\d+(\.\d+)*", program.version)
    name = f"l4gate/{service}:{release[0] if release else generation}-debian"
    say(f"building {name} from {program.origin}")
    dockerfile = (
        f'FROM scratch\nADD root.tar /\nUSER {NOBODY}\nWORKDIR /{folder}\nENTRYPOINT ["/bin/{names[0]}"]\n'
    )
    # An image of another generation than the wanted one must not be taken for it when that can be had again.
    exact = "" if "nearest" not in program.origin else "-nearest"
    labels = {
        _SERVICE_LABEL: service,
        _GENERATION_LABEL: generation + exact,
        _ORIGIN_LABEL: program.origin,
    }
    with tempfile.TemporaryFile() as root, tempfile.TemporaryFile() as context:
        _write_root(root, [programs[each].path for each in names], rest, folder)
        _write_context(context, dockerfile, root)
        try:
            image, _ = client.images.build(
                fileobj=context, custom_context=True, tag=name, labels=labels, rm=True, forcerm=True
            )
        except engine_errors() as error:
            message = f"the engine could not build {name}: {error}."
            raise ProgramMissing(message, next_step="use --stack processes.") from None
    return Image(image.id, f"image {name} built from {program.origin}")


def _write_root(sink: IO[bytes], programs: list[Path], rest: dict[str, Path], folder: str) -> None:
    """The file system of an image. Only a tar archive inside the context keeps owners and modes."""
    loader = _loader_of(programs[0])
    places = {loader.name: str(loader).lstrip("/"), "busybox": "bin/wget"}
    places |= {name: str(TEMPLATES / name).lstrip("/") for name in TEMPLATE_NAMES}
    with tarfile.open(fileobj=sink, mode="w") as archive:
        for path in programs:
            _add(archive, path, f"bin/{path.name}")
        for name, path in rest.items():
            place = places.get(name, f"lib/{name}")
            _add(archive, path, place)
        for name, owner, mode in ((folder, NOBODY, 0o755), ("tmp", 0, 0o1777)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode, entry.uid, entry.gid = tarfile.DIRTYPE, mode, owner, owner
            archive.addfile(entry)
    sink.seek(0)


def _write_context(sink: IO[bytes], dockerfile: str, root: IO[bytes]) -> None:
    with tarfile.open(fileobj=sink, mode="w") as archive:
        for name, content in (("Dockerfile", io.BytesIO(dockerfile.encode())), ("root.tar", root)):
            entry = tarfile.TarInfo(name)
            entry.size = content.seek(0, io.SEEK_END)
            content.seek(0)
            archive.addfile(entry, content)
    sink.seek(0)


def _add(archive: tarfile.TarFile, path: Path, name: str) -> None:
    def as_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        entry.mtime = 0
        return entry

    archive.add(path, name, filter=as_root)


def _loader_of(program: Path) -> Path:
    """The loader that a program asks the kernel for; its path is in the first page of the file."""
    with program.open("rb") as file:
        found: Any = re.search(rb"/lib[\w./-]*/ld-linux[\w.-]*", file.read(4096))
    return Path(found[0].decode() if found else "/lib/ld.so")
