"""What the verbs that change a server have in common: the server's folder, the state folder, and a promtool for it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from l4gate.base import UsageError
from l4gate.operations import (
    RELOAD_SECONDS,
    CheckpointStore,
    LiveServer,
    generation_of,
)
from l4gate.prometheus_api import PrometheusApi, caller_of
from l4gate.settings import Settings
from l4gate.stack import server_promtool

FOLDER_OPTIONS: Final = ("live-dir", "state-dir")
JUDGING_OPTIONS: Final = (
    "url",
    "realm",
    "factor",
    "deadline",
    "rules-url",
    "scrape-url",
    "shard-url",
    "engine",
    "external-label",
    "foreign-rules",
    "config-dir",
    "bearer-token-file",
    "basic-auth-file",
    "header-file",
    "client-cert",
    "client-key",
    "cache-dir",
)


def live_server(args: argparse.Namespace, settings: Settings) -> LiveServer:
    """
    The server of `--url` with the folder of `--live-dir`.

    Raises:
        UsageError: if one of the two was not given, or the rules or the targets are another server's.
    """
    _ensure_one_server(args, settings)
    url, live_dir = needed_url(args, settings), needed_live_dir(args, settings)
    api = PrometheusApi(
        url,
        timeout_seconds=RELOAD_SECONDS,
        caller=caller_of(settings),
    )
    return LiveServer(
        api=api,
        live_dir=live_dir,
        promtool=lambda version: server_promtool(
            url, version, generation_of(version), live_dir=live_dir, cache_dir=settings.cache_dir
        ),
        pace=settings.pace,
        realms=settings.fleet,
        only_of=settings.only_of,
    )


def _ensure_one_server(args: argparse.Namespace, settings: Settings) -> None:
    """
    Refuses a configuration that several programs share.

    What is reloaded is proven by the pages of the server that was told to; vmagent and vmalert answer before they have
    read a file, each reads its part of the folder, and a Ruler has its rules from somewhere else altogether.
    """
    given = {
        "--rules-url": settings.rules_url,
        "--scrape-url": settings.scrape_url,
        "--shard-url": settings.shard_urls,
    }
    if names := [name for name, url in given.items() if url]:
        message = (
            f"{args.verb} changes a server that scrapes and evaluates itself, and {' and '.join(names)} "
            f"{'says' if len(names) == 1 else 'say'} that another one does."
        )
        raise UsageError(
            message, next_step="reload those by their own means; `l4gate decide` then judges what they run."
        )


def needed_url(args: argparse.Namespace, settings: Settings) -> str:
    """The URL, or a usage error."""
    if settings.url is None:
        message = f"{args.verb} needs a server."
        raise UsageError(message, next_step="give --url http://HOST:PORT.")
    return settings.url


def needed_live_dir(args: argparse.Namespace, settings: Settings) -> Path:
    """The live folder, or a usage error."""
    if settings.live_dir is None:
        message = f"{args.verb} needs the folder that the server reads."
        raise UsageError(message, next_step="give --live-dir DIR.")
    return settings.live_dir


def store_for(settings: Settings, live_dir: Path, **options: int) -> CheckpointStore:
    """The checkpoints of the live folder."""
    return CheckpointStore(settings.state_dir, live_dir, **options)
