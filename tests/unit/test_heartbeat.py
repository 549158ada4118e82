"""Running the heartbeat script from Python, once and in a thread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.contract import CONTRACT, DEFAULT_REALM, RAW_SEQ, RAW_TS, REALM_LABEL
from fixtures.writer import Pushgateway
from l4gate.base import wait_until
from l4gate.sandbox import Heart
from l4gate.sandbox.heartbeat import NOT_RUN


def heart(folder: Path, url: str, interval_seconds: float = 60, **options: Path) -> Heart:
    textfile_dir = folder / "textfile"
    textfile_dir.mkdir()
    return Heart(
        pushgateway_url=url,
        textfile_dir=textfile_dir,
        state_dir=folder / "state",
        realm=DEFAULT_REALM,
        interval_seconds=interval_seconds,
        contract=CONTRACT,
        **options,
    )


def test_one_beat(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """A beat must run the real script, deliver by both paths and be remembered."""
    one = heart(tmp_path, pushgateway.url)

    result = one.beat()

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert result.seconds > 0
    assert one.results == (result,)
    assert one.last_failure is None
    assert pushgateway.shown()[RAW_SEQ].sample.labels[REALM_LABEL] == DEFAULT_REALM
    assert (tmp_path / "textfile" / f"{RAW_SEQ}.prom").exists()


def test_environment_for_one_beat_or_all(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """`env` must change one beat, `overrides` all that follow."""
    one = heart(tmp_path, pushgateway.url)
    realms = []
    for env, overrides in (({"DURI_REALM": "a"}, {}), ({}, {}), ({}, {"DURI_REALM": "b"})):
        one.overrides = overrides
        one.beat(**env)
        realms.append(pushgateway.shown()[RAW_TS].sample.labels[REALM_LABEL])

    assert realms == ["a", DEFAULT_REALM, "b"]


def test_clock_that_stands_still(
    tmp_path: Path, pushgateway: Pushgateway, clock: Callable[[str], dict[str, str]]
) -> None:
    """Overrides must be able to stop the script's clock: the sequence moves on while the time does not."""
    one = heart(tmp_path, pushgateway.url)
    one.overrides |= clock("1795418332.000000")
    one.beat()
    first = pushgateway.shown()
    one.beat()
    second = pushgateway.shown()

    assert first[RAW_TS].sample.value == second[RAW_TS].sample.value == 1795418332
    assert second[RAW_SEQ].sample.value == first[RAW_SEQ].sample.value + 1


def test_surroundings_do_not_leak_in(
    tmp_path: Path, pushgateway: Pushgateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variables of the caller, such as another realm, must not reach the script: it runs as cron runs it."""
    monkeypatch.setenv("DURI_REALM", "elsewhere")

    heart(tmp_path, pushgateway.url).beat()

    assert pushgateway.shown()[RAW_TS].sample.labels[REALM_LABEL] == DEFAULT_REALM


def test_beats_steadily(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """Between start and stop beats must follow one another by one, and none must come after stop."""
    with heart(tmp_path, pushgateway.url, interval_seconds=0.2) as one:
        wait_until(
            lambda: len(one.results) >= 3, deadline_seconds=10, interval_seconds=0.02, what="three heartbeats"
        )
    numbers = pushgateway.shown()[RAW_SEQ].sample.value
    count = len(one.results)

    assert not one.running
    assert one.last_failure is None
    assert pushgateway.shown()[RAW_SEQ].sample.value == numbers
    assert len(one.results) == count


def test_failed_beat_is_a_result(tmp_path: Path, refusing_url: str) -> None:
    """A beat that fails must raise nothing, here or in the thread, and stay to be looked at."""
    with heart(tmp_path, refusing_url, interval_seconds=0.1) as one:
        wait_until(lambda: one.last_failure, deadline_seconds=10, interval_seconds=0.02, what="a failure")

    assert one.last_failure
    assert one.last_failure.returncode == 1
    assert "push to" in one.last_failure.stderr


def test_missing_script_is_a_result(tmp_path: Path, refusing_url: str) -> None:
    """A script that is not there must be the shell's code 127 with its path, not an exception."""
    script = tmp_path / "gone.sh"

    result = heart(tmp_path, refusing_url, script=script).beat()

    assert result.returncode == NOT_RUN
    assert f"{script} could not be run: " in result.stderr


def test_interval_below_the_run_time(tmp_path: Path, pushgateway: Pushgateway) -> None:
    """If the script takes longer than the interval, beats must be skipped, and counted."""
    with heart(tmp_path, pushgateway.url, interval_seconds=0.001) as one:
        wait_until(lambda: one.skipped, deadline_seconds=10, interval_seconds=0.02, what="a skipped beat")


@pytest.mark.parametrize(
    ("interval_seconds", "most"), [(0.2, 1.0), (60.0, 7.0)], ids=["scaled", "production"]
)
def test_push_limit_follows_the_interval(
    tmp_path: Path, hanging_url: str, interval_seconds: float, most: float
) -> None:
    """A hanging gateway must cost a scaled beat half an interval, and a production beat the script's own limit."""
    one = heart(tmp_path, hanging_url, interval_seconds=interval_seconds)

    result = one.beat()

    assert result.returncode == 1
    assert "timed out" in result.stderr
    assert result.seconds < most
