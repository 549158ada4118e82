"""Taking a snapshot of a running stack that is known to hold everything up to a moment."""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from l4gate.base import ApiError, RehearsalFailed, wait_until
from l4gate.contract import Pace
from l4gate.prometheus_api import PrometheusApi, new_session
from l4gate.rehearsal.blocks import read_blocks
from l4gate.stack import Stack

_SNAPSHOT_SECONDS: Final = 120.0  # takes 0.1 s for a day; Prometheus gives no limit
_POLL_SECONDS: Final = 0.05
_PERSIST_SECONDS: Final = 60.0  # --persistence.interval in compose.observation.yml
_ROOM_SECONDS: Final = 10.0  # a busy machine is no failure

Groups = Mapping[tuple[tuple[str, str], ...], float]


def settle(api: PrometheusApi, pace: Pace, realm: str) -> float:
    """
    Waits until everything that was sampled up to now has been written, and returns that now (server's clock).

    A scrape or an evaluation carries the time of its beginning and is stored at its end; so each target and each rule
    group is seen to have gone on.
    """
    now = api.now()

    def gone_on() -> bool:
        newest = api.query(f"timestamp({pace.contract.selector('up', realm)})")
        scraped = [series.last.value for series in newest.series]
        evaluated = [_seconds(group.get("lastEvaluation", "")) for group in api.rules()["groups"]]
        return bool(scraped) and min([*scraped, *evaluated]) > now

    wait_until(
        gone_on,
        deadline_seconds=2 * max(pace.scrape_interval, pace.rule_interval) + _ROOM_SECONDS,
        interval_seconds=_POLL_SECONDS,
        what="every target to be scraped and every rule group to be evaluated once more",
        next_step=f"look at {api.base_url}/targets.",
    )
    return now


def take_snapshot(stack: Stack) -> Path:
    """
    Takes a snapshot with the admin API and waits until all of it is on the disk; returns its folder.

    Raises:
        RehearsalFailed: if the server refuses.
        NotReady: if the snapshot is not complete in time.
    """
    try:
        name = PrometheusApi(stack.prometheus_url, timeout_seconds=_SNAPSHOT_SECONDS).snapshot()
    except ApiError as error:
        message = f"expected a snapshot, found: {error.message}"
        raise RehearsalFailed(message, next_step="see that --web.enable-admin-api is given.") from None
    folder = stack.data_dir / "snapshots" / name
    seen: list[int] = []

    def complete() -> bool:
        # A block that is being written has a name that ends in .tmp-for-creation.
        if not folder.is_dir() or any(path.name.endswith("creation") for path in folder.iterdir()):
            return False
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        seen.append(size)
        return bool(read_blocks(folder)) and seen[-2:] == [size, size]

    wait_until(
        complete,
        deadline_seconds=_SNAPSHOT_SECONDS,
        interval_seconds=_POLL_SECONDS,
        what=f"a complete snapshot in {folder}",
        next_step="see Prometheus' log.",
    )
    return folder


def pushed_groups(pushgateway_url: str) -> Groups:
    """The Pushgateway's groups, by their labels, with the time of the last push to each."""
    with new_session(pushgateway_url) as session:
        text = session.get(f"{pushgateway_url}/metrics", timeout=_ROOM_SECONDS).text
    return {
        tuple(sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "push_time_seconds"
    }


def persisted_groups(stack: Stack, pace: Pace) -> tuple[bytes, Groups]:
    """
    The Pushgateway's persistence file once it holds the newest push to each group, and those groups.

    Nobody may be pushing meanwhile.
    """
    groups = pushed_groups(stack.pushgateway_url)
    # The file holds the push times as protobuf does: eight bytes, little-endian.
    wanted = [struct.pack("<d", pushed) for pushed in groups.values()]

    def persisted() -> bytes:
        content = stack.groups_file.read_bytes() if stack.groups_file.exists() else b""
        return content if all(each in content for each in wanted) else b""

    content = wait_until(
        persisted,
        deadline_seconds=_PERSIST_SECONDS / pace.factor + _ROOM_SECONDS,
        interval_seconds=_POLL_SECONDS,
        what=f"the newest pushes in {stack.groups_file}",
        last_seen=lambda: "an older file, or none",
        next_step="see the Pushgateway's log.",
    )
    return content, groups


def _seconds(text: str) -> float:
    """Unix seconds of the API's times; 0 for the year 1, which stands for never."""
    moment = dt.datetime.fromisoformat(text)
    return moment.timestamp() if moment.year > 1 else 0.0
