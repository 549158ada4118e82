"""
A picture of states over time as SVG: rows of intervals, a row with a curve, marks, a time axis and a legend. Pure.

It stands alone as a file and inside an HTML page, in light and dark (prefers-color-scheme), without any script. States
differ in height and pattern, not in colour only. Hovering over an interval tells its times. Times are Unix seconds.
"""

from __future__ import annotations

import datetime as dt
import enum
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final


class State(enum.Enum):
    """What a row can show at a moment; the value is what the legend says. Later ones are drawn over earlier ones."""

    GOOD = "good"
    GAP = "no data"
    WARN = "warning"
    BAD = "bad"


@dataclass(frozen=True)
class Span:
    """One interval of a row in one state."""

    start: float
    end: float
    state: State


@dataclass(frozen=True)
class Row:
    """One line of the picture: its label, its intervals in any order, and a short note at the right."""

    label: str
    spans: Sequence[Span] = ()
    note: str = ""


@dataclass(frozen=True)
class Curve:
    """A line of the picture that shows a value, with the limit that it is held against."""

    label: str
    points: Sequence[tuple[float, float]]
    limit: float
    note: str = ""


@dataclass(frozen=True)
class Mark:
    """Something that happened at one moment."""

    at: float
    label: str


_WIDTH: Final = 960
_LEFT: Final = 220  # room for the labels
_RIGHT: Final = 110  # room for the notes
_PLOT: Final = _WIDTH - _LEFT - _RIGHT
_TOP: Final = 12
_ROW: Final = 28
_CURVE_ROW: Final = 64
_AXIS: Final = 30
_LEGEND: Final = 26
_MARK_ROW: Final = 20
_CHARACTER: Final = 7.0  # how wide a letter of 12 px is at the most, on average
_MOST_TICKS: Final = 8
_NARROWEST: Final = 2.0  # an interval of one second in a month must not vanish
_BAR_HEIGHTS: Final = {State.GOOD: 8, State.GAP: 14, State.WARN: 14, State.BAD: 20}
_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86400
_STEPS: Final = (
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(minutes * _MINUTE for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * _HOUR for hours in (1, 2, 3, 6, 12)),
    *(days * _DAY for days in (1, 2, 5, 7, 14, 28, 91, 182, 364)),
)

# Contrast of every pair is at least 3:1 against its ground (WCAG 2.1, 1.4.11), of text at least 4.5:1.
STYLE: Final = """
.l4t{--ground:#fff;--ink:#1b1f24;--soft:#57606a;--line:#d5dae0;--good:#1f8a4c;--bad:#c4211c;--warn:#a86400;
--gap:#6e7781;--curve:#0a58b5;background:var(--ground);font:12px system-ui,sans-serif;width:100%;height:auto;
min-width:720px;font-variant-numeric:tabular-nums}
@media (prefers-color-scheme:dark){.l4t{--ground:#16181b;--ink:#e6eaee;--soft:#9aa4af;--line:#323a43;--good:#3fb37f;
--bad:#ff6a5c;--warn:#e3a23a;--gap:#87919c;--curve:#6cb0ff}}
.l4t text{fill:var(--ink)}.l4t .soft{fill:var(--soft)}.l4t .line{stroke:var(--line);fill:none}
.l4t .good{fill:var(--good)}.l4t .bad{fill:var(--bad)}.l4t .warn{fill:var(--warn)}
.l4t .gap-ink{stroke:var(--gap);stroke-width:2.4}.l4t .curve{stroke:var(--curve);stroke-width:1.6;fill:none}
.l4t .limit{stroke:var(--bad);stroke-dasharray:5 4;fill:none}.l4t .mark{stroke:var(--ink);stroke-dasharray:2 3}
"""


def timeline_svg(
    rows: Sequence[Row | Curve],
    start: float,
    end: float,
    *,
    title: str,
    description: str,
    marks: Sequence[Mark] = (),
    meanings: Mapping[State, str] | None = None,
    name: str = "l4t",
) -> str:
    """
    The picture as one `<svg>` element, which is a whole file as well.

    `title` and `description` are for those who cannot see it; `meanings` replaces the words of the legend; `name` must
    differ between pictures on one page.
    """
    scale = _Scale(start, end)
    placed = _placed(marks, scale)
    top = _TOP + _MARK_ROW * (1 + max((lane for *_, lane in placed), default=-1))
    heights = [_CURVE_ROW if isinstance(row, Curve) else _ROW for row in rows]
    bottom = top + sum(heights)
    height = bottom + _AXIS + _LEGEND
    size = f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
    spoken = f'role="img" aria-labelledby="{name}-title {name}-desc"'
    hatch = (
        f'id="{name}-gap" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"'
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="l4t" {spoken} {size}>',
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(description)}</desc>',
        f"<style>{STYLE}</style>",
        f'<defs><pattern {hatch}><line class="gap-ink" y2="6"/></pattern></defs>',
        f'<rect width="{_WIDTH}" height="{height}" style="fill:var(--ground)"/>',
        *_axis(scale, top, bottom),
    ]
    used = {span.state for row in rows if isinstance(row, Row) for span in row.spans}
    words = {state: (meanings or {}).get(state, state.value) for state in State if state in used}
    y = float(top)
    for row, row_height in zip(rows, heights, strict=True):
        parts += _labels(row, y + row_height / 2)
        parts += (
            _curve(row, scale, y)
            if isinstance(row, Curve)
            else _bars(row, scale, y + row_height / 2, words, name)
        )
        y += row_height
    parts += _marks(placed, bottom)
    parts += _legend(words, bottom + _AXIS + _LEGEND / 2, name)
    return "\n".join([*parts, "</svg>"]) + "\n"


@dataclass(frozen=True)
class _Scale:
    """Where a moment lies on the x axis."""

    start: float
    end: float

    def x(self, at: float) -> float:
        share = (min(max(at, self.start), self.end) - self.start) / max(self.end - self.start, 1e-9)
        return _LEFT + share * _PLOT


def _axis(scale: _Scale, top: float, bottom: float) -> Iterator[str]:
    step = tick_step(scale.end - scale.start)
    at = math.ceil(scale.start / step - 1e-9) * step
    while at <= scale.end + 1e-9:
        x = scale.x(at)
        yield f'<path class="line" d="M{x:.1f} {top}V{bottom}"/>'
        yield f'<text class="soft" x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{_clock(at, step)}</text>'
        at += step
    yield f'<path class="line" d="M{_LEFT} {bottom}H{_LEFT + _PLOT}"/>'
    yield f'<text class="soft" x="{_WIDTH - _RIGHT + 10}" y="{bottom + 16}">UTC</text>'


def tick_step(seconds: float) -> float:
    """The smallest round step that needs no more ticks than fit."""
    fitting = [step for step in _STEPS if seconds / step <= _MOST_TICKS]
    return fitting[0] if fitting else _STEPS[-1]


def _clock(at: float, step: float) -> str:
    moment = dt.datetime.fromtimestamp(at, dt.UTC)
    if step >= _DAY:
        return f"{moment:%d %b}"
    if step >= _MINUTE:
        return f"{moment:%H:%M}"
    return f"{moment:%H:%M:%S}" + (f".{moment.microsecond // 100_000}" if step < 1 else "")


def _labels(row: Row | Curve, middle: float) -> Iterator[str]:
    yield f'<text x="{_LEFT - 10}" y="{middle + 4:.1f}" text-anchor="end">{escape(row.label)}</text>'
    if row.note:
        yield f'<text class="soft" x="{_LEFT + _PLOT + 10}" y="{middle + 4:.1f}">{escape(row.note)}</text>'


def _bars(row: Row, scale: _Scale, middle: float, words: Mapping[State, str], name: str) -> Iterator[str]:
    for state in State:
        for left, right, spans in _visible([span for span in row.spans if span.state is state], scale):
            height = _BAR_HEIGHTS[state]
            yield (
                f'<rect {_fill(state, name)} x="{left:.1f}" y="{middle - height / 2:.1f}" width="{right - left:.1f}" '
                f'height="{height}" rx="1.5"><title>{escape(_told(row.label, words[state], spans))}</title></rect>'
            )


def _visible(spans: Iterable[Span], scale: _Scale) -> Iterator[tuple[float, float, list[Span]]]:
    """Intervals as they can be told apart on the picture: those that would overlap become one."""
    group: list[Span] = []
    left = right = -math.inf
    for span in sorted(spans, key=lambda each: each.start):
        a, b = scale.x(span.start), scale.x(span.end)
        if b - a < _NARROWEST:
            a = min(max((a + b - _NARROWEST) / 2, _LEFT), _LEFT + _PLOT - _NARROWEST)
            b = a + _NARROWEST
        if group and a <= right:
            right = max(right, b)
            group.append(span)
            continue
        if group:
            yield left, right, group
        left, right, group = a, b, [span]
    if group:
        yield left, right, group


def _told(label: str, word: str, spans: Sequence[Span]) -> str:
    first, last = spans[0].start, max(span.end for span in spans)
    times = f"{_moment(first)} to {_moment(last)}"
    seconds = sum(span.end - span.start for span in spans)
    count = f"{len(spans)} intervals, " if len(spans) > 1 else ""
    return f"{label}: {word}, {times} UTC ({count}{seconds:.6g} s)"


def _moment(at: float) -> str:
    return f"{dt.datetime.fromtimestamp(round(at, 1), dt.UTC):%Y-%m-%d %H:%M:%S}"


def _fill(state: State, name: str) -> str:
    return f'fill="url(#{name}-gap)"' if state is State.GAP else f'class="{state.name.lower()}"'


def _curve(row: Curve, scale: _Scale, y: float) -> Iterator[str]:
    top, bottom = y + 8, y + _CURVE_ROW - 8
    highest = max([row.limit * 1.25, *(value for _, value in row.points)])

    def height(value: float) -> float:
        return bottom - (bottom - top) * min(max(value / highest, 0.0), 1.0)

    limit = height(row.limit)
    yield f'<path class="limit" d="M{_LEFT} {limit:.1f}H{_LEFT + _PLOT}"><title>limit {row.limit:g}</title></path>'
    path: list[str] = []
    pen = "M"
    column, low, high = -1, 0.0, 0.0
    for at, value in row.points:
        if not math.isfinite(value):
            pen, column = "M", -1
            continue
        x = scale.x(at)
        if int(x) == column and low <= value <= high:
            continue  # within what this pixel column already shows
        low, high = (min(low, value), max(high, value)) if int(x) == column else (value, value)
        column = int(x)
        path.append(f"{pen}{x:.1f} {height(value):.1f}")
        pen = "L"
    if path:
        yield f'<path class="curve" d="{"".join(path)}"><title>{escape(row.label)}</title></path>'


def _placed(marks: Sequence[Mark], scale: _Scale) -> list[tuple[Mark, float, str, int]]:
    """Each mark with its x, the side of its label and the lane in which the label meets no other."""
    placed: list[tuple[Mark, float, str, int]] = []
    lanes: list[list[tuple[float, float]]] = []
    for mark in marks:
        x = scale.x(mark.at)
        anchor = "end" if x > _LEFT + _PLOT * 0.8 else "start"
        width = _CHARACTER * len(mark.label) + 8
        left, right = (x - width, x) if anchor == "end" else (x, x + width)
        lane = next(
            (number for number, taken in enumerate(lanes) if all(right < a or b < left for a, b in taken)),
            len(lanes),
        )
        if lane == len(lanes):
            lanes.append([])
        lanes[lane].append((left, right))
        placed.append((mark, x, anchor, lane))
    return placed


def _marks(placed: Sequence[tuple[Mark, float, str, int]], bottom: float) -> Iterator[str]:
    for mark, x, anchor, lane in placed:
        yield f'<path class="mark" d="M{x:.1f} {_TOP}V{bottom}"><title>{escape(_moment(mark.at))} UTC</title></path>'
        shift = -4 if anchor == "end" else 4
        y = _TOP + 10 + lane * _MARK_ROW
        yield f'<text x="{x + shift:.1f}" y="{y}" text-anchor="{anchor}">{escape(mark.label)}</text>'


def _legend(words: Mapping[State, str], y: float, name: str) -> Iterator[str]:
    x = float(_LEFT)
    for state, word in words.items():
        height = _BAR_HEIGHTS[state]
        yield f'<rect {_fill(state, name)} x="{x:.0f}" y="{y - height / 2:.1f}" width="20" height="{height}" rx="1.5"/>'
        yield f'<text class="soft" x="{x + 26:.0f}" y="{y + 4:.1f}">{escape(word)}</text>'
        x += 26 + 6.4 * len(word) + 22
