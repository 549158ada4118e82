"""
Where things stand in the text of a PromQL expression: tokens, spans, and the place of a syntax error.

promql-parser gives a tree without positions and errors without a place. A token stream of our own restores the former:
`Cursor` is moved through the tokens while the tree is walked in source order (see parser.py). The latter can be told
only where the error quotes a word of the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open range of character offsets in the text of an expression."""

    start: int
    end: int

    def to(self, other: Span) -> Span:
        """From here to the end of the other span."""
        return Span(self.start, other.end)


NOWHERE: Final = Span(0, 0)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of an expression. Braces and brackets are one token each, with what stands between them."""

    kind: str
    text: str
    span: Span


# Possessive (`*+`), so that no text takes more than one pass; what a quote opens and nothing closes is one token.
_QUOTED: Final = r'"(?:\\.|[^"\\])*+"|' + r"'(?:\\.|[^'\\])*+'" + r"|`[^`]*+`"
_COMMENT: Final = r"#[^\n]*+"
_TOKENS: Final = re.compile(
    rf"""(?P<skip>\s+|{_COMMENT.replace("#", "[#]")})
    |(?P<string>{_QUOTED})
    |(?P<braces>\{{(?:{_COMMENT.replace("#", "[#]")}|{_QUOTED}|[^{{}}"'`#])*+\}})
    |(?P<brackets>\[[^\[\]]*+\])
    |(?P<number>0[xX][0-9a-fA-F]+|(?:\d+(?:ms|[smhdwy]))+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<word>[A-Za-z_:][A-Za-z0-9_:]*)
    |(?P<op>==|!=|<=|>=|[-+*/%^<>=(),@])
    |(?P<other>["'`].*|.)""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_RAW_STRING: Final = re.compile(
    rf"{_COMMENT}|{_QUOTED.rsplit('|', 1)[0]}|`(?P<raw>[^`]*+)`|[\"'`].*", re.DOTALL
)


def tokens(text: str) -> Iterator[Token]:
    """The tokens of an expression; white space and comments are left out. Never raises: odd characters are `other`."""
    for match in _TOKENS.finditer(text):
        kind = str(match.lastgroup)
        if kind != "skip":
            yield Token(kind, match.group(), Span(*match.span()))


def without_raw_strings(text: str) -> str:
    """The same expression with `...` strings written as "..." (promql-parser reads escapes in the former)."""
    return _RAW_STRING.sub(
        lambda match: match.group() if match["raw"] is None else json.dumps(match["raw"], ensure_ascii=False),
        text,
    )


class Cursor:
    """
    Moves through the tokens of an expression and hands out their spans.

    When a token is not the one expected the cursor is lost, and from then on every span is the whole expression: a
    caret in a wrong place would be worse than one under everything.
    """

    def __init__(self, text: str, found: Sequence[Token]) -> None:
        self._tokens = found
        self._next = 0
        self._whole = Span(0, len(text))
        self.lost = False

    def peek(self) -> Token | None:
        """The next token, or None at the end."""
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def at(self, *texts: str) -> bool:
        """Whether the next token is one of these texts, in any case."""
        token = self.peek()
        return token is not None and token.text.lower() in texts

    def take(self, *expected: str) -> Span:
        """The span of the next token, which must be one of these texts, or of one of the kinds written as `<kind>`."""
        token = self.peek()
        if token is None or not {token.text.lower(), f"<{token.kind}>"} & set(expected):
            self.lost = True
        if self.lost or token is None:
            return self._whole
        self._next += 1
        return token.span

    def skip(self, *texts: str) -> None:
        """Goes past all tokens that are one of these texts."""
        while self.at(*texts):
            self._next += 1

    def skip_clause(self, *words: str, after: Span = NOWHERE) -> Span:
        """Skips `word (labels)` as in `by (a, b)`, and gives the span `after` extended by it."""
        if not self.at(*words):
            return after
        self._next += 1
        if not self.at("("):
            return after
        while self.peek() is not None and not self.at(")"):
            self._next += 1
        return after.to(self.take(")"))

    def modifiers(self, span: Span) -> Span:
        """The span together with the `offset` and `@` that follow it."""
        while not self.lost and self.at("offset", "@"):
            self._next += 1
            self.skip("-", "+")
            if self.at("start", "end"):
                self._next += 1
                self.take("(")
                end = self.take(")")
            else:
                end = self.take("<number>")
            span = span.to(end)
        return span


def place_of(message: str, text: str) -> int | None:
    """The offset of the word that an error message quotes; None if it quotes none, or one that stands twice."""
    quoted = re.search(r"'([^']+)'|(?:syntax:|regex for) (\S+)", message)
    if not quoted:
        return None
    word = quoted[1] or quoted[2]
    places = [
        token.span.start + token.text.find(word)
        for token in tokens(text)
        if word in token.text and (token.kind != "word" or token.text == word)
    ]
    return places[0] if len(places) == 1 else None
