"""
A picture of states over time as SVG: rows of intervals, a row with a curve, marks, a time axis and a legend. Pure.

It stands alone as a file and inside an HTML page, in light and dark (prefers-color-scheme), without any script. States
differ in height and pattern, not in colour only. Hovering over an interval tells its times. Times are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from l4gate.report import plot
from l4gate.report.pages import render
from l4gate.report.states import Curve, Mark, Row, State


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
) -> Markup:
    """
    The picture as one `<svg>` element, which is a whole file as well.

    `title` and `description` are for those who cannot see it; `meanings` replaces the words of the legend; `name` must
    differ between pictures on one page.
    """
    scale = plot.Scale(start, end)
    placed = plot.placed(marks, scale)
    used = {span.state for row in rows if isinstance(row, Row) for span in row.spans}
    words = {state: (meanings or {}).get(state, state.value) for state in State if state in used}
    y = top = plot.TOP + plot.MARK_ROW * (1 + max((mark.lane for mark in placed), default=-1))
    lines = []
    for row in rows:
        height = plot.CURVE_ROW if isinstance(row, Curve) else plot.ROW
        middle = y + height / 2
        lines.append(
            {
                "row": row,
                "middle": middle,
                "bars": list(plot.bars(row, scale, middle, words)) if isinstance(row, Row) else [],
                "curve": plot.curve(row, scale, y) if isinstance(row, Curve) else None,
            }
        )
        y += height
    return render(
        "timeline.svg",
        plot=plot,
        name=name,
        title=title,
        description=description,
        height=y + plot.AXIS + plot.LEGEND,
        top=top,
        bottom=y,
        ticks=plot.ticks(scale),
        lines=lines,
        marks=placed,
        legend=plot.legend(words, y + plot.AXIS + plot.LEGEND / 2),
    )
