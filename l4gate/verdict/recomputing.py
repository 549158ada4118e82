"""Asks a server what the rules' own expressions give, by one request, and by one more for what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from l4gate.base import ApiBadAnswer
from l4gate.contract import Pace
from l4gate.prometheus_api import PrometheusApi
from l4gate.rules import Asked, Expression, Question, Recording, Vector
from l4gate.verdict.recomputed import Disagreement, Record, again, disagreement, same, split
from l4gate.verdict.witness import Memory


def recompute(
    api: PrometheusApi,
    found: tuple[Recording, ...],
    made: Mapping[str, tuple[Record, ...]],
    memory: Memory,
    pace: Pace,
) -> dict[str, tuple[Disagreement, ...]]:
    """
    By realm, what is recorded otherwise than its rule gives; what was found right before is not asked again.

    `made` has the records of each realm; those that were made at the same time are asked for together.

    Raises:
        ApiError: if the expressions could not be asked.
    """
    label = pace.contract.realm.label
    claims: dict[tuple[int, float, float | None], list[str]] = {}
    for realm, recorded in made.items():
        for number, record in enumerate(recorded):
            if memory.agreed.get((number, realm)) != record:
                claims.setdefault((number, record.at, record.before_at), []).append(realm)
    answers = ask(api, [Asked(found[number], at) for number, at, _ in claims])
    differing: dict[tuple[int, float, float | None], dict[str, Vector]] = {}
    for (claim, realms), vector in zip(claims.items(), answers, strict=True):
        number = claim[0]
        for realm, exact in split(vector, label, made).items():
            if realm not in realms:
                continue
            if same(made[realm][number].vector, exact):
                memory.agreed[number, realm] = made[realm][number]
            else:
                memory.agreed.pop((number, realm), None)
                differing.setdefault(claim, {})[realm] = exact
    more = [
        again(found[claim[0]], made[next(iter(exact))][claim[0]], pace) for claim, exact in differing.items()
    ]
    others = iter(ask(api, [one for each in more for one in each]))
    disagreements: dict[str, tuple[Disagreement, ...]] = dict.fromkeys(made, ())
    for (claim, realms_exact), asked in zip(differing.items(), more, strict=True):
        vectors = [split(next(others), label, made) for _ in asked]
        for realm, exact in realms_exact.items():
            record = made[realm][claim[0]]
            wrong = disagreement(found[claim[0]], record, exact, [each[realm] for each in vectors])
            if wrong is not None:
                disagreements[realm] += (wrong,)
    return disagreements


def narrowed(found: tuple[Recording, ...], label: str, realms: tuple[str, ...]) -> tuple[Recording, ...]:
    """The recording rules of a fleet for some of its realms alone; for none, as they are."""
    return tuple(each.of_realms(label, realms) for each in found) if realms else found


def ask(api: PrometheusApi, asked: Sequence[Asked | Expression]) -> tuple[Vector, ...]:
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


def _question(asked: Sequence[Asked | Expression], longest: int | None) -> Question:
    """One question for as many of them, from the first on, as a server reads at once; for one at least."""
    question = Question(tuple(asked))
    while longest is not None and len(question.asked) > 1 and len(question.text.encode()) > longest:
        question = Question(question.asked[: len(question.asked) // 2])
    return question
