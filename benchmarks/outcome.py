"""What trials come to, and the two at a time in which they are made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Final, TypeVar

AT_A_TIME: Final = 2  # the cores of the smallest machine that the times of `make claims` are meant for

Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Outcome:
    """Of independent trials: how many, how many went wrong, and how they were made."""

    trials: int
    seen: int
    how: str


def two_at_a_time(make: Callable[[Given], Made], parts: Iterable[Given]) -> list[Made]:
    """
    What is made of each part, by processes: threads share one core.

    New interpreters, not forks: one that was forked inherits what the threads of this one held.
    """
    with ProcessPoolExecutor(AT_A_TIME, mp_context=get_context("spawn")) as pool:
        return list(pool.map(make, parts))


def share(seen: int, count: int) -> str:
    """So many of so many, for a person."""
    return f"{seen:,} of {count:,}"
