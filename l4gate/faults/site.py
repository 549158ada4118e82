"""Opens a site: the sandbox with a proxy at each joint."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Final

from l4gate.base import UsageError
from l4gate.faults.model import Site
from l4gate.faults.proxy import open_proxy
from l4gate.sandbox import Opener, open_sandbox, writer_report
from l4gate.settings import Settings
from l4gate.stack import open_stack
from l4gate.verdict import judge_for

_ANSWER_SECONDS: Final = 2.0  # an answer takes 0.02 s; a hanging server should not take 5 s of each look


@contextmanager
def open_site(
    settings: Settings, say: Callable[[str], None] = lambda _text: None, *, opened: Opener = open_stack
) -> Iterator[Site]:
    """
    Starts a sandbox of our own, with proxies; ends all of it with the block. `opened` opens its stack.

    Raises:
        UsageError: for a URL: somebody else's server is never broken on purpose.
        StackError: if the sandbox cannot be started.
    """
    if settings.url is not None or settings.stack == "external":
        message = "faults are injected into a stack of our own only, and a URL was given."
        raise UsageError(message, next_step="drop it; never break somebody else's server on purpose.")
    with open_sandbox(settings, say, opened=opened) as sandbox:
        stack = sandbox.stack
        with ExitStack() as proxies:
            pushes = proxies.enter_context(open_proxy(stack.pushgateway_url))
            scrapes = proxies.enter_context(open_proxy())
            queries = proxies.enter_context(open_proxy(stack.prometheus_url))

            def asked_like_queries(url: str | None) -> str | None:
                return url and proxies.enter_context(open_proxy(url, beside=queries)).url

            asking = replace(
                settings.for_ours,
                deadline=_ANSWER_SECONDS,
                rules_url=asked_like_queries(stack.rules_url),
                scrape_url=asked_like_queries(stack.scrape_url),
            )
            judge = judge_for(asking, queries.url, writer_report(sandbox.heart))
            yield Site(sandbox, judge, pushes, scrapes, queries)
