"""Asks a server what the rules' own expressions give, by one request, and by one more for what differs."""

from __future__ import annotations

from l4gate.base import ApiBadAnswer
from l4gate.contract import Pace
from l4gate.prometheus_api import PrometheusApi
from l4gate.rules import Asked, Question, Recording, Vector
from l4gate.verdict.recomputed import Disagreement, Record, again, disagreement, same
from l4gate.verdict.witness import Memory


def recompute(
    api: PrometheusApi,
    found: tuple[Recording, ...],
    made: tuple[Record, ...],
    memory: Memory,
    pace: Pace,
) -> tuple[Disagreement, ...]:
    """
    What is recorded otherwise than its rule gives; what was found right before is not asked again.

    Raises:
        ApiError: if the expressions could not be asked.
    """
    fresh = [number for number in range(len(found)) if memory.agreed.get(number) != made[number]]
    exact = dict(zip(fresh, _ask(api, [Asked(found[each], made[each].at) for each in fresh]), strict=True))
    differing = []
    for number, vector in exact.items():
        if same(made[number].vector, vector):
            memory.agreed[number] = made[number]
        else:
            memory.agreed.pop(number, None)
            differing.append(number)
    more = [again(found[number], made[number], pace) for number in differing]
    others = iter(_ask(api, [one for each in more for one in each]))
    disagreements = []
    for number, asked in zip(differing, more, strict=True):
        vectors = [next(others) for _ in asked]
        wrong = disagreement(found[number], made[number], exact[number], vectors)
        if wrong is not None:
            disagreements.append(wrong)
    return tuple(disagreements)


def _ask(api: PrometheusApi, asked: list[Asked]) -> tuple[Vector, ...]:
    """
    The answers to all of them, by one request where the server reads a question of any length.

    Raises:
        ApiError: if there is none, or a partial one.
    """
    longest = api.longest_query
    answers: list[Vector] = []
    while len(answers) < len(asked):
        question = _question(asked[len(answers) :], longest)
        answer = api.query(question.text, max(each.at for each in question.asked))
        if answer.warnings:
            raise ApiBadAnswer(
                f"a partial answer to the rules' own expressions: {'; '.join(answer.warnings)}"
            )
        answers += question.answers((series.labels, series.last.value) for series in answer.series)
    return tuple(answers)


def _question(asked: list[Asked], longest: int | None) -> Question:
    """One question for as many of them, from the first on, as a server reads at once; for one at least."""
    question = Question(tuple(asked))
    while longest is not None and len(question.asked) > 1 and len(question.text.encode()) > longest:
        question = Question(question.asked[: len(question.asked) // 2])
    return question
