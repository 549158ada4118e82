"""
What an expression may be before the parser sees it.

The parser is native code: it recurses without a bound, so deep text ends the process; it takes quadratic time over long
chains; and it panics on times that its types cannot hold. What nobody writes by hand is therefore refused first, by its
tokens alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from l4gate.base import LONGEST_SECONDS, ExpressionError, UsageError, parse_duration
from l4gate.promql.nodes import SET_OPERATORS, Node, children
from l4gate.promql.positions import Token, tokens

MOST_CHARACTERS: Final = (
    32_768  # the longest of ours has 600; a list of a thousand host names in a matcher fits
)
# Operators, parentheses and brackets. 500 nested ones take 40 ms and 1.3 MB of native stack, of usually 8 MB; 3,000
# end the process. Ours have at most 60.
MOST_OPERATORS: Final = 500
MOST_DEPTH: Final = 100  # levels of the tree; Python recurses four frames a level, of 1,000
_LONGEST_NUMBER: Final = 400  # characters; a float printed in full has 330
_LAST_SECOND: Final = 253_402_300_799  # of the year 9999; the parser's times begin in 1970
_WORD_OPERATORS: Final = SET_OPERATORS | {"atan2"}
_NO_OPERATOR: Final = frozenset(",)=")


def checked_tokens(text: str) -> list[Token]:
    """
    The tokens of an expression that the parser can bear.

    Raises:
        ExpressionError: saying which bound was passed, and where.
    """
    if len(text) > MOST_CHARACTERS:
        raise _too("characters", MOST_CHARACTERS, len(text), 0)
    found: list[Token] = []
    operators, before = 0, ""
    for token in tokens(text):
        found.append(token)
        operators += _is_operator(token)
        if operators > MOST_OPERATORS:
            raise _too("operators and parentheses", MOST_OPERATORS, "more", token.span.start)
        if token.kind == "number" and len(token.text) > _LONGEST_NUMBER:
            raise _too("characters in a number", _LONGEST_NUMBER, len(token.text), token.span.start)
        if token.kind == "brackets":
            _check_times(_numbers(token.text[1:-1]), LONGEST_SECONDS, token)
        elif token.kind == "number" and before == "@":
            _check_times([token.text], _LAST_SECOND, token)
        elif token.kind == "number" and before == "offset":
            _check_times([token.text], LONGEST_SECONDS, token)
        if before == "@" and token.text == "-":
            message = "expected a time since 1970 after @, found a negative one."
            raise ExpressionError(message, offset=token.span.start)
        if token.text not in ("+", "-"):  # a sign stands between `offset` and its number
            before = token.text.lower()
    return found


def check_depth(tree: Node) -> None:
    """
    Refuses a tree that the walks over it cannot bear.

    Raises:
        ExpressionError: if it is deeper than MOST_DEPTH.
    """
    level, depth = [tree], 0
    while level:
        depth += 1
        if depth > MOST_DEPTH:
            raise _too("levels", MOST_DEPTH, "more", level[0].span.start)
        level = [child for node in level for child in children(node)]


def _is_operator(token: Token) -> bool:
    if token.kind == "op":
        return token.text not in _NO_OPERATOR
    return token.kind == "brackets" or (token.kind == "word" and token.text.lower() in _WORD_OPERATORS)


def _numbers(text: str) -> Iterable[str]:
    # Piece by piece: a colon that divides range and step would begin a name.
    return (token.text for part in text.split(":") for token in tokens(part) if token.kind == "number")


def _check_times(numbers: Iterable[str], most: float, token: Token) -> None:
    for number in numbers:
        try:
            seconds = _seconds(number)
        except UsageError as error:
            raise ExpressionError(error.message, offset=token.span.start) from None
        if seconds >= most:
            raise _too("seconds", int(most), token.text[:40], token.span.start)


def _seconds(number: str) -> float:
    """The seconds of a number or a duration."""
    if number[:2] in ("0x", "0X"):
        return float(int(number[:_LONGEST_NUMBER], 16))
    return float(number) if number[-1] in ".0123456789" else parse_duration(number)


def _too(what: str, most: int, found: object, offset: int) -> ExpressionError:
    return ExpressionError(
        f"expected an expression with at most {most} {what}, found {found}.", offset=offset
    )
