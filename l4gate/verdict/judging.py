"""The judge that the settings ask for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from l4gate.prometheus_api import REQUEST_TIMEOUT_SECONDS, PrometheusApi, beside, caller_of, external_of
from l4gate.rules import rendered_config, rendered_rules
from l4gate.settings import Settings
from l4gate.verdict.evidence import Cause
from l4gate.verdict.judge import Judge
from l4gate.verdict.look import WriterReport
from l4gate.verdict.pages import Expectation
from l4gate.verdict.sharding import Shard, ShardedJudge

_REALMS_IN_TIME: Final = 1000  # of which a server answers each question in the usual time


def judge_for(
    settings: Settings,
    url: str,
    writer: Callable[[], WriterReport | None] = lambda: None,
    untold: Callable[[], tuple[Cause, ...]] = tuple,
) -> Judge:
    """
    The judge of the server at url, with this repository's files scaled and renamed as the settings say.

    Raises:
        RuleError: if the repository's own rules cannot be read.
        UsageError: for an external label that cannot be one.
    """
    caller, external = caller_of(settings), external_of(settings)
    neighbour = beside(settings.engine)
    seconds = REQUEST_TIMEOUT_SECONDS * max(1.0, len(settings.fleet) / _REALMS_IN_TIME)

    def client(base_url: str, engine: str = settings.engine) -> PrometheusApi:
        made = PrometheusApi(base_url, caller=caller, timeout_seconds=seconds)
        made.engine, made.external = engine, external
        return made

    def expect(realms: tuple[str, ...]) -> Expectation:
        groups = rendered_rules(settings.config_dir, factor=settings.factor, realms=realms)
        config = rendered_config(settings.config_dir, factor=settings.factor, realms=realms)
        return Expectation(settings.pace, groups, config, settings.only_of, realms)

    def shard(base_url: str) -> Shard:
        own, common = client(base_url, ""), client(url)
        common.scraper = own
        return Shard(own, common)

    expectation, api = expect(settings.fleet), client(url)
    if settings.shard_urls:
        shards = tuple(map(shard, settings.shard_urls))
        return ShardedJudge(
            api, shards[0].own, expectation, settings.realms, writer, untold, shards=shards, expect=expect
        )
    api.scraper = client(settings.scrape_url, neighbour) if settings.scrape_url else None
    rules_api = client(settings.rules_url, neighbour) if settings.rules_url else api
    return Judge(api, rules_api, expectation, settings.realms, writer, untold)
