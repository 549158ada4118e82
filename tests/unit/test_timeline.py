"""The picture is well-formed, tells its states apart, and hides nothing however short."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from l4gate.report.plot import tick_step
from l4gate.report.states import Curve, Mark, Row, State, StateSpan
from l4gate.report.timeline import timeline_svg

SVG = "{http://www.w3.org/2000/svg}"
DAY = 1_700_006_400.0  # midnight


def picture(rows: list[Row | Curve], *, seconds: float = 86_400, marks: tuple[Mark, ...] = ()) -> ET.Element:
    text = timeline_svg(
        rows, DAY, DAY + seconds, title="T", description="D", marks=marks, meanings={State.BAD: "firing"}
    )
    return ET.fromstring(text)  # noqa: S314 - our own text


def bars(svg: ET.Element, kind: str) -> list[ET.Element]:
    return [
        each
        for each in svg.iter(f"{SVG}rect")
        if each.get("class") == kind and each.find(f"{SVG}title") is not None
    ]


def test_a_picture_is_accessible() -> None:
    """A picture must have a role, a title and a description that its aria label points to."""
    svg = picture([Row("ok", [StateSpan(DAY, DAY + 60, State.GOOD)])])

    ids = {each.get("id"): each.text for each in svg if each.tag in (f"{SVG}title", f"{SVG}desc")}
    assert svg.get("role") == "img"
    assert str(svg.get("aria-labelledby")).split() == list(ids)
    assert list(ids.values()) == ["T", "D"]


def test_a_second_in_a_month_is_visible() -> None:
    """An interval too short for a pixel must be drawn two pixels wide, and stay inside the plot at both ends."""
    month = 30 * 86_400.0
    spans = [StateSpan(DAY, DAY + 1, State.BAD), StateSpan(DAY + month - 1, DAY + month, State.BAD)]

    svg = picture([Row("ok", spans)], seconds=month)

    found = [(float(each.get("x", "0")), float(each.get("width", "0"))) for each in bars(svg, "bad")]
    assert found == [(220.0, 2.0), (848.0, 2.0)]


def test_thousands_of_intervals_stay_few_shapes() -> None:
    """Intervals that would lie on one another must become one, whose tooltip must tell how many they were."""
    spans = [StateSpan(DAY + index * 30, DAY + index * 30 + 15, State.BAD) for index in range(2_880)]

    (bar,) = bars(picture([Row("ok", spans)]), "bad")

    title = bar.find(f"{SVG}title")
    assert title is not None
    assert (
        title.text == "ok: firing, 2023-11-15 00:00:00 to 2023-11-15 23:59:45 UTC (2880 intervals, 43200 s)"
    )


def test_bad_is_drawn_over_everything() -> None:
    """A firing alert must never be hidden under the condition that it came from."""
    svg = picture(
        [Row("abort", [StateSpan(DAY, DAY + 60, State.BAD), StateSpan(DAY, DAY + 600, State.WARN)])]
    )

    shapes = [each.get("class") for each in svg.iter(f"{SVG}rect") if each.find(f"{SVG}title") is not None]
    assert shapes == ["warn", "bad"]


def test_the_legend_names_the_states_in_use() -> None:
    """Only states that occur must be explained, in the caller's words."""
    svg = picture(
        [Row("ok", [StateSpan(DAY, DAY + 60, State.GOOD), StateSpan(DAY + 60, DAY + 90, State.BAD)])]
    )

    texts = [each.text for each in svg.iter(f"{SVG}text")]
    assert texts[-2:] == ["good", "firing"]


def test_foreign_text_is_escaped() -> None:
    """Labels, notes and marks must be data, whatever they contain."""
    svg = picture([Row("<b>", [], "<i>")], marks=(Mark(DAY + 60, "<script>"),))

    texts = {each.text for each in svg.iter(f"{SVG}text")}
    assert {"<b>", "<i>", "<script>"} <= texts
    assert not list(svg.iter("script"))


def test_a_curve_keeps_its_highest_point_and_breaks_at_gaps() -> None:
    """A peak of one sample among thousands must be on the path, and a missing value must interrupt it."""
    points = [(DAY + index * 30, 0.1) for index in range(2_880)]
    points[1_000] = (points[1_000][0], 0.9)
    points[2_000] = (points[2_000][0], float("nan"))

    svg = picture([Curve("V", points, 0.3)])

    (path,) = [each.get("d", "") for each in svg.iter(f"{SVG}path") if each.get("class") == "curve"]
    heights = [float(part.split()[1]) for part in path.replace("M", "L").split("L") if part]
    assert path.count("M") == 2
    assert min(heights) == 20.0  # top of the row: the peak is the highest value


@pytest.mark.parametrize(
    ("seconds", "step"), [(60, 10), (86_400, 10_800), (3_600, 600), (30 * 86_400, 5 * 86_400)]
)
def test_ticks_are_round_and_few(seconds: float, step: float) -> None:
    """The axis must have at most eight steps of a round length."""
    assert tick_step(seconds) == step
