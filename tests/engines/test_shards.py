"""Three Prometheis, each with its share of the realms, write to one VictoriaMetrics; the gate judges all there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace

import pytest

from benchmarks.fleet import FleetServer, fleet_server, said
from benchmarks.fleet_engines import store
from benchmarks.fleet_service import realm_names
from l4gate.base import ProgramMissing, Verdict, wait_until
from l4gate.machine import free_port
from l4gate.settings import Settings
from l4gate.verdict import Judge, Look, judge_for

FACTOR = 10.0
REALMS = 4  # of each shard
GO_SECONDS = 120.0  # takes 20 s
SEEN_SECONDS = 60.0


@dataclass(frozen=True)
class Sharded:
    """What runs: the store's URL, the shards, and how to end one of them."""

    url: str
    shards: tuple[FleetServer, ...]
    endings: tuple[ExitStack, ...]

    def judge(self, settings: Settings, realms: tuple[str, ...]) -> Judge:
        """A judge of these realms over all shards."""
        shard_urls = tuple(each.url for each in self.shards)
        asked = replace(settings, factor=FACTOR, realms=realms, fleet=realms, shard_urls=shard_urls)
        return judge_for(asked, self.url)


@pytest.fixture(name="sharded", scope="module")
def _sharded(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sharded]:
    folder = tmp_path_factory.mktemp("shards")
    asked = replace(settings, factor=FACTOR)
    with ExitStack() as whole:
        try:
            url = whole.enter_context(store(folder, free_port(), asked))
        except ProgramMissing as error:
            pytest.skip(f"no VictoriaMetrics: {error.message}")
        shards, endings = [], []
        for number in range(3):
            ending = whole.enter_context(ExitStack())
            own = folder / f"shard-{number}"
            shards.append(
                ending.enter_context(
                    fleet_server(
                        REALMS,
                        factor=FACTOR,
                        generation=settings.generation,
                        folder=own,
                        first=100 * number,
                        writes_to=f"{url}/api/v1/write",
                    )
                )
            )
            endings.append(ending)
        yield Sharded(url, tuple(shards), tuple(endings))


def realms_of(number: int) -> tuple[str, ...]:
    """The realms of a shard."""
    return realm_names(REALMS, 100 * number)


def wait_for(judge: Judge, wanted: dict[str, str], seconds: float) -> tuple[Look, ...]:
    """Looks until each realm has this verdict or cause."""
    looks: tuple[Look, ...] = ()

    def found() -> bool:
        nonlocal looks
        looks = judge.look()
        return said(looks) == wanted

    wait_until(
        found,
        deadline_seconds=seconds,
        interval_seconds=0.5,
        what=f"the realms to be {set(wanted.values())}",
        last_seen=lambda: str(said(looks)),
    )
    return looks


def test_all_realms_are_go_and_a_dead_shard_holds_its_own(sharded: Sharded, settings: Settings) -> None:
    """Each realm must be GO by the rules of its shard; when one dies, its realms alone are HOLD, and it is named."""
    everyone = tuple(realm for number in range(3) for realm in realms_of(number))
    judge = sharded.judge(settings, everyone)
    wait_for(judge, dict.fromkeys(everyone, "GO"), GO_SECONDS)

    nobody = sharded.judge(settings, (*everyone, "unheard-of"))
    (stranger,) = [look for look in nobody.look() if look.decision.realm == "unheard-of"]
    assert stranger.decision.cause is not None
    assert stranger.decision.cause.id == "query/no-shard"

    dead = sharded.shards[1].url
    sharded.endings[1].close()
    wanted = dict.fromkeys(everyone, "GO") | dict.fromkeys(realms_of(1), "query/shard-unreachable")
    looks = wait_for(judge, wanted, SEEN_SECONDS)
    (one, *_) = [look.decision for look in looks if look.decision.realm in realms_of(1)]
    assert one.verdict is Verdict.HOLD
    assert one.cause is not None
    assert dead in one.cause.found
