"""Random PromQL expressions that type-check, for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

NAMES = st.sampled_from(["a", "b_total", "x_seconds", "y_ts", "source:z:bool", "sum"])
LABELS = st.sampled_from(["job", "instance", "le", "metric_realm"])
VALUES = st.text(alphabet="ab\"\\\n'`#{}() é", max_size=5)
DURATIONS = st.sampled_from(["50ms", "1s", "90s", "1m30s", "60m", "1h", "7d"])
NUMBERS = st.sampled_from(["0", "1", "0.3", ".5", "120", "1e3", "1e-9", "0x1F", "Inf", "NaN", "-1"])
SPACES = st.sampled_from([" ", "\n", "  # a comment (\n  "])


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


@st.composite
def selector(draw: st.DrawFn) -> str:
    matchers = draw(st.lists(st.tuples(LABELS, st.sampled_from(["=", "!="]), VALUES), max_size=3))
    braces = "{" + ", ".join(f"{label}{op}{quoted(value)}" for label, op, value in matchers) + "}"
    name = draw(NAMES)
    return name + (braces if matchers or name == "sum" else "")


@st.composite
def modifiers(draw: st.DrawFn) -> str:
    offset = draw(st.sampled_from(["", " offset 5m", " offset -90s"]))
    return offset + draw(st.sampled_from(["", " @ 1600000000.5", " @ end()"]))


@st.composite
def window(draw: st.DrawFn) -> str:
    func = draw(st.sampled_from(["rate", "changes", "max_over_time", "increase"]))
    return f"{func}({draw(selector())}[{draw(DURATIONS)}]{draw(modifiers())})"


def extended(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Vectors made of vectors."""
    operators = st.sampled_from(
        ["+", "-", "*", "/", "%", "^", "atan2", "and", "or", "unless", "==", "> bool", "<="]
    )
    clauses = st.sampled_from(["", "on ()", "on(job, le)", "ignoring (job)"])
    groups = st.sampled_from(["by (le, job)", "without (job)", ""])
    return st.one_of(
        st.builds(
            lambda one, space, op, on, two: f"{one}{space}{op} {on} {two}",
            inner,
            SPACES,
            operators,
            clauses,
            inner,
        ),
        st.builds(
            lambda number, op, one: f"{number} {op} {one}", NUMBERS, st.sampled_from(["*", "<", "-"]), inner
        ),
        st.builds(lambda one: f"({one})", inner),
        st.builds(lambda one: f"-({one})", inner),
        st.builds(lambda one, group: f"sum({one}) {group}", inner, groups),
        st.builds(lambda group, one: f"topk {group} (3, {one})", groups, inner),
        st.builds(
            lambda one, range_, step: f"avg_over_time(({one})[{range_}:{step}])", inner, DURATIONS, DURATIONS
        ),
        st.builds(lambda one: f'label_replace({one}, "a", "$1", "b", "(.*)")', inner),
        st.builds(lambda one, number: f"clamp_max({one}, {number})", inner, NUMBERS),
    )


EXPRESSIONS = st.recursive(
    st.one_of(st.builds(str.__add__, selector(), modifiers()), window(), st.just("vector(0)")),
    extended,
    max_leaves=6,
)
