"""What is too much for the parser is refused before it gets there, quickly, and in one sentence."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.hostile_texts import UNPARSABLE
from l4gate.base import ExpressionError
from l4gate.promql import canonical, parse
from l4gate.promql.bounds import MOST_DEPTH, MOST_OPERATORS
from l4gate.promql.positions import tokens

PIECES = [
    *(
        "up",
        "(",
        ")",
        "+",
        "-",
        "^",
        " or ",
        " and on () ",
        "[5m",
        ":",
        "]",
        "{",
        "}",
        '"',
        "'",
        "`",
        "#",
        "\n",
        "\\",
        ",",
    ),
    *(
        "sum(",
        "abs(",
        "rate(",
        "-(",
        "up+(",
        " offset ",
        " @ ",
        "1e308",
        "9" * 400,
        "1y",
        "0x1",
        "=~",
        "bool ",
    ),
    *(
        "label_replace(",
        "\u0663",
        "\x00",
        "\ud800".encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
    ),
]


@pytest.mark.parametrize("name", UNPARSABLE)
def test_too_much_is_refused(name: str) -> None:
    """What the parser cannot bear must be refused at once, in a message that fits a screen."""
    started = time.process_time()
    with pytest.raises(ExpressionError) as caught:
        canonical(UNPARSABLE[name])

    assert time.process_time() - started < 2  # of work, whatever else the machine does
    assert len(caught.value.message) < 1500


@given(
    st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from([1, 2, 30, 150, 700]))).map(
        lambda many: "".join(a * n for a, n in many)
    )
)
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    """Whatever pieces a text is made of, it must give an expression or an error of ours, and soon."""
    started = time.process_time()
    with contextlib.suppress(ExpressionError):
        canonical(text)
    assert time.process_time() - started < 2


@pytest.mark.parametrize("opening", ["(", "abs(", "-(", "sum(", "up+("])
def test_what_is_just_allowed_needs_no_great_stack(opening: str) -> None:
    """An expression at the bounds must be read, or refused, on a stack of 2 MB: usual ones have 8."""
    depth = MOST_OPERATORS // (2 if len(opening) > 1 else 1)
    code = (
        "from l4gate.base import ExpressionError\nfrom l4gate.promql import canonical\n"
        f"for depth in ({depth}, {MOST_DEPTH - 2}, {(MOST_DEPTH - 2) // 2}):\n"
        f"    try: canonical({opening!r} * depth + 'up' + ')' * depth)\n"
        "    except ExpressionError as error: assert 'at most' in error.message, error.message\n"
        "    else: print('read', depth)\n"
    )
    done = subprocess.run(
        ["bash", "-c", 'ulimit -s 2048; exec "$0" -c "$1"', sys.executable, code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"read {(MOST_DEPTH - 2) // 2}" in done.stdout


def test_a_hundred_terms_are_no_trouble() -> None:
    """Sums and calls that people do write must still be read."""
    assert parse("+".join(["up"] * (MOST_DEPTH - 1)))
    assert parse("label_join(up, 'a', '-', " + ", ".join(["'b'"] * 1000) + ")")
    assert parse('up{instance=~"' + "|".join(f"host-{number}" for number in range(2000)) + '"}')


@pytest.mark.parametrize("piece", ['"\\"', "{#", '{"', "['", "`'", "#{", "\\\"'", "1s", "1.", "e1"])
def test_cutting_a_text_into_pieces_takes_one_pass(piece: str) -> None:
    """A long text of repeated pieces must take a moment: with a pass for each piece it would be minutes."""
    started = time.process_time()
    list(tokens(piece * 100_000))
    assert time.process_time() - started < 5


def test_a_panic_of_the_parser_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the native code did not foresee must be an error of ours, although it is no Exception."""
    panic = type("PanicException", (BaseException,), {})

    def panics(_text: str) -> None:
        raise panic("no way")

    monkeypatch.setattr("l4gate.promql.parser.library.parse", panics)
    with pytest.raises(ExpressionError, match="no way"):
        parse("up + 4711")
