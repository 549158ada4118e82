"""
A fault: data plus one small action. A site: the running sandbox that it is injected into.

Times are seconds; durations of production are divided by the site's factor.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

from l4gate.base import Verdict
from l4gate.contract import Contract
from l4gate.faults.proxy import Proxy
from l4gate.sandbox import Sandbox
from l4gate.verdict import Decision, Judge, Stage

PROCESSES: Final = "processes"
CONTAINERS: Final = "containers"
BOTH: Final = (PROCESSES, CONTAINERS)


@dataclass(frozen=True)
class Site:
    """
    A healthy sandbox with a proxy at each joint of its path, all of which pass everything on until a fault.

    `pushes` stands before the Pushgateway for the writer, `scrapes` between Prometheus and its targets (only once a
    fault has put it there), `queries` before Prometheus for the gate, and before whoever else it asks about rules and
    targets; `judge` asks through `queries`.
    """

    sandbox: Sandbox
    judge: Judge
    pushes: Proxy
    scrapes: Proxy
    queries: Proxy

    @property
    def realm(self) -> str:
        """The realm that is judged."""
        return self.judge.realms[0]

    @property
    def contract(self) -> Contract:
        """What the sandbox is held to."""
        return self.sandbox.pace.contract


Action = Callable[[Site], AbstractContextManager[object]]


def asked_of_the_judge(site: Site) -> Decision:
    """One look at the site's realm."""
    return site.judge.look()[0].decision


class Liar(enum.Enum):
    """Who says what is not so, and what they can do."""

    PUSHER = "who can push"
    TEXT_FILE = "who can write a text file"
    OTHER_REALM = "another realm"
    FOREIGN_RULE = "who loads rules beside ours"
    EDITED_SERVER = "who edits the server's files"
    CACHE = "a cache"
    CLOCK = "a clock that is wrong"
    PROXY = "a proxy that changes answers"


@dataclass(frozen=True)
class Lie:
    """
    What makes a fault a lie.

    Attributes:
        by: who lies.
        says: the verdict that it is told for.
        truth: the verdict without it. GO: the service is healthy beneath the lie.
        ages: what it shows grows older and must not pass at any age, so it is told for as long as an abort would take.
    """

    by: Liar
    says: Verdict
    truth: Verdict = Verdict.GO
    ages: bool = False

    @property
    def healthy(self) -> bool:
        """Whether the service is healthy beneath it."""
        return self.truth is Verdict.GO

    def achieves(self, verdict: Verdict) -> Verdict | None:
        """What the lie has made of the truth, if the verdict is this one: nothing if it is the true one."""
        return None if verdict is self.truth else verdict


@dataclass(frozen=True)
class Fault:
    """
    One way in which the path breaks.

    Attributes:
        id: `stage/name`; the stage is where the action breaks it.
        says: what happens, in one sentence for a person.
        action: injects on entry and heals on exit.
        verdict: what the gate must come to say.
        cause: `stage/code` of the first cause; empty for GO.
        also: further causes that must be among the others.
        warnings: `stage/code` of the warnings that must come with it.
        stacks: the kinds of stack that it applies to.
        passes: GO comes back by itself, before the fault is healed.
        ask: how the decision is had; by the site's judge, unless the fault is one of the run itself.
        needs: says why it cannot be injected on this machine; empty if it can.
        by_discovery: Prometheus takes it over with its targets only, up to 5 s after the reload.
        parts: the faults that it is made of, if it is several at once.
        reason: why the verdict is this one, where another would have been possible.
        lie: who lies and what for, if it is a lie.
    """

    id: str
    says: str
    action: Action
    verdict: Verdict
    cause: str = ""
    also: Sequence[str] = ()
    warnings: Sequence[str] = ()
    stacks: Sequence[str] = BOTH
    passes: bool = False
    ask: Callable[[Site], Decision] = asked_of_the_judge
    needs: Callable[[], str] = lambda: ""
    by_discovery: bool = False
    parts: Sequence[Fault] = ()
    reason: str = ""
    lie: Lie | None = None

    @property
    def stage(self) -> Stage:
        """The stage of the data path that is broken."""
        return Stage[self.id.partition("/")[0].upper()]

    @property
    def signs(self) -> frozenset[str]:
        """The causes by which it can be seen: its own, and those of its parts, one of which may show sooner."""
        causes = {self.cause, *self.also}.union(*(part.signs for part in self.parts))
        return frozenset(cause for cause in causes if cause)

    @property
    def expected(self) -> str:
        """Verdict, cause and warnings in a few words."""
        words = [self.verdict.name, self.cause]
        if self.warnings:
            words.append("with " + ", ".join(self.warnings))
        if self.passes:
            words.append("by itself")
        return " ".join(word for word in words if word)
