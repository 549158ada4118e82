"""
Exceptions from a check, written beside the rule they are for.

    # l4gate-lint: disable=realm/selector reason="looks for other realms" owner="sre" until=2027-01-31

A reason, an owner and an end are needed; an exception that has ended, or that nothing needs any more, is a finding.
What exceptions hide is reported as waived.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from l4gate.lint.model import Check, Finding, Waived, finding
from l4gate.lint.places import Place
from l4gate.lint.repository import Repository

_COMMENT: Final = re.compile(r"#\s*l4gate-lint:\s*(?P<text>.*)")
_PART: Final = re.compile(r'(\w+)=(?:"([^"]*)"|(\S+))')
# Days: a year and the days until the next meeting. Whoever owns an exception gives a reason for it once a year.
LONGEST: Final = 370
_PARTS: Final = ("disable", "reason", "owner", "until")

INVALID: Final = Check(
    "waiver/invalid",
    "an exception is complete",
    "An exception without a reason, an owner and an end in sight stays for ever, and nobody knows why.",
    'Write `# l4gate-lint: disable=<id> reason="..." owner="..." until=YYYY-MM-DD` on or above the rule, with a day'
    f" at most {LONGEST} days ahead.",
)
EXPIRED: Final = Check(
    "waiver/expired",
    "an exception has not ended",
    "The day has come on which somebody promised to have mended this.",
    "Mend the rule and delete the comment, or have the owner give a new reason and a new day.",
)
UNUSED: Final = Check(
    "waiver/unused",
    "an exception is needed",
    "An exception for nothing hides the next mistake at its place.",
    "Delete the comment.",
)


@dataclass(frozen=True)
class Waiver:
    """One complete exception: the check it is for and the lines it covers."""

    id: str
    place: Place
    lines: range
    reason: str
    owner: str
    until: date

    def covers(self, found: Finding) -> bool:
        """Whether a finding is the one that is excepted."""
        return found.id == self.id and found.place.file == self.place.file and found.place.line in self.lines


def apply_waivers(
    repository: Repository, findings: Iterable[Finding], today: date, *, known: Collection[str], only: bool
) -> tuple[list[Finding], list[Waived]]:
    """
    The findings that remain, with those about the exceptions themselves, and the findings that exceptions hide.

    `known`: the ids there are. `only`: not all checks were made, so unneeded exceptions are not judged.
    """
    remaining, waived = list(findings), []
    for file in repository.texts:
        for number, line in enumerate(repository.lines(file), 1):
            comment = _COMMENT.search(line)
            if comment is None:
                continue
            place = Place(file, number, comment.start() + 1, len(comment.group().rstrip()))
            waiver = _read(comment["text"], place, _covered(repository, file, number), known, today)
            if isinstance(waiver, str):
                remaining.append(finding(INVALID, waiver, place, line))
                continue
            covered = [each for each in remaining if waiver.covers(each)]
            if today > waiver.until:
                remaining.append(
                    finding(EXPIRED, f"the exception from {waiver.id} ended on {waiver.until}", place, line)
                )
            elif covered:
                remaining = [each for each in remaining if each not in covered]
                waived += [Waived(each, waiver.reason, waiver.owner, waiver.until) for each in covered]
            elif not only:
                remaining.append(
                    finding(UNUSED, f"nothing here needs an exception from {waiver.id}", place, line)
                )
    return remaining, waived


def _read(text: str, place: Place, lines: range, known: Collection[str], today: date) -> Waiver | str:
    """The exception in a comment, or what is wrong with it."""
    parts = {name: quoted or bare for name, quoted, bare in _PART.findall(text)}
    missing = [name for name in _PARTS if not parts.get(name, "").strip()]
    if missing or set(parts) - set(_PARTS):
        odd = (
            f", and does not know {', '.join(sorted(set(parts) - set(_PARTS)))}"
            if set(parts) - set(_PARTS)
            else ""
        )
        return f"the exception lacks {', '.join(missing) or 'nothing'}{odd}"
    if parts["disable"] not in known:
        return f"there is no check {parts['disable']!r}"
    try:
        until = date.fromisoformat(parts["until"])
    except ValueError:
        return f"expected until=YYYY-MM-DD, found {parts['until']!r}"
    if until > today + timedelta(days=LONGEST):
        return f"expected an end at most {LONGEST} days ahead, found {until}"
    return Waiver(parts["disable"], place, lines, parts["reason"], parts["owner"], until)


def _covered(repository: Repository, file: str, number: int) -> range:
    """The lines of the rule that a comment stands in or directly above; elsewhere, the next line that is no comment."""
    lines = repository.lines(file)
    below = next(_not_comments(lines, number), number)
    for each in repository.rules:
        if each.rule.file == file and (number in _own_lines(lines, each.lines) or below == each.rule.line):
            return each.lines
    return range(number, number + 1) if lines[number - 1].split("#")[0].strip() else range(below, below + 1)


def _not_comments(lines: list[str], number: int) -> Iterator[int]:
    return (each for each in range(number, len(lines) + 1) if lines[each - 1].split("#")[0].strip())


def _own_lines(lines: list[str], span: range) -> range:
    """The lines of a rule without the comments at its end, which belong to the next one."""
    end = span.stop
    while end > span.start + 1 and not lines[end - 2].split("#")[0].strip():
        end -= 1
    return range(span.start, end)
