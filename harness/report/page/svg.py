"""Charts of the page as inline SVG. Places are percentages, so that a chart fits any width while its text and marks keep
their size; colours are classes (``c0`` to ``c11``), so that one drawing suits a light and a dark page.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from markupsafe import Markup

from harness.report.drawing import short_length

SHAPES = (
    "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z",
    "M-4-4h8v8h-8z",
    "M0-5l5 8.7h-10z",
    "M0-5.4l5.4 5.4l-5.4 5.4l-5.4-5.4z",
    "M0 5l5-8.7h-10z",
    "M-1.7-5h3.4v3.3h3.3v3.4h-3.3v3.3h-3.4v-3.3h-3.3v-3.4h3.3z",
    "M-4.6-2.6l2-2l2.6 2.6l2.6-2.6l2 2l-2.6 2.6l2.6 2.6l-2 2l-2.6-2.6l-2.6 2.6l-2-2l2.6-2.6z",
    "M-5.5 0l9-5v10z",
    "M5.5 0l-9-5v10z",
    "M0-6l1.4 4.1h4.3l-3.5 2.6l1.3 4.1l-3.5-2.6l-3.5 2.6l1.3-4.1l-3.5-2.6h4.3z",
    "M0-5.2l4.9 3.6l-1.9 5.8h-6l-1.9-5.8z",
    "M0-5l4.3 2.5v5l-4.3 2.5l-4.3-2.5v-5z",
)
"""Outlines of the marks around the origin, in pixels, in the order of `bench_plots.STYLES`: a shape for each colour."""


@dataclass(frozen=True)
class Scale:
    """A range of numbers drawn from 0 % to 100 %.

    Attributes:
        low, high: its ends.
        log: drawn by the logarithm.
        ticks: the numbers that are labelled.
        label: of a tick.
        guess: the score of a constant answer, drawn as a dashed line; ``None`` if there is none on this scale.
    """

    low: float
    high: float
    log: bool
    ticks: tuple[float, ...]
    label: Callable[[float], str] = lambda number: short(number)
    guess: float | None = None

    def percent(self, value: float) -> float:
        """The place of a number, rounded to what can be seen."""
        low, high, value = (math.log(x) if self.log else x for x in (self.low, self.high, value))
        return round(100 * (value - low) / (high - low), 2)


PERCENT = Scale(0.0, 1.0, False, (0.0, 0.25, 0.5, 0.75, 1.0), lambda share: f"{share:.0%}")
"""Shares from 0 to 1."""


def linear(values: Iterable[float], least: float = 0.02, steps: int = 4) -> Scale:
    """A scale around these numbers with round ends and ticks; ``least`` is the shortest range worth showing."""
    found = list(values)
    low, high = min(found), max(found)
    if high - low < least:
        middle = (low + high) / 2
        bottom = 0.0 if low >= 0 else -math.inf  # a scale of what is never negative begins at 0
        low = max(middle - least / 2, bottom)
        high = low + least
    step = _round_step((high - low) / steps)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = tuple(round(number * step, 10) for number in range(first, last + 1))
    return Scale(ticks[0], ticks[-1], False, ticks)


def scores(values: Iterable[float], guess: float | None, far: float = math.inf) -> Scale:
    """A linear scale of scores that includes the score of a constant answer.

    Args:
        values: the scores.
        guess: of a constant answer, if there is one.
        far: a constant answer farther below than this many ranges of the scores is left out.
    """
    found = list(values)
    if guess is None or min(found) - guess > far * max(max(found) - min(found), 0.02):
        return linear(found)
    return replace(linear([*found, guess]), guess=guess)


def logarithmic(values: Iterable[float], room: float = 1.25) -> Scale:
    """A logarithmic scale around positive numbers: ticks at powers of ten over a wide range, else at equal steps."""
    found = list(values)
    low, high = min(found) / room, max(found) * room
    if high / low < 8:
        step = _round_step((high - low) / 5)
        return Scale(
            low, high, True, tuple(n * step for n in range(math.ceil(low / step), math.floor(high / step) + 1))
        )
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits in ((1,), (1, 3), (1, 2, 5)):
        ticks = tuple(digit * 10.0**power for power in powers for digit in digits if low <= digit * 10.0**power <= high)
        if len(ticks) >= 3:
            break
    return Scale(low, high, True, ticks)


def at(values: Sequence[int], room: float = 1.3) -> Scale:
    """A logarithmic scale of lengths in tokens with a tick at each of these, except those too near to the next."""
    apart = (values[-1] / values[0]) ** (1 / 8)
    kept = [values[-1]]
    for value in reversed(values[:-1]):
        if kept[-1] / value >= apart:
            kept.append(value)
    return Scale(values[0] / room, values[-1] * room, True, tuple(kept[::-1]), lambda value: short_length(int(value)))


def _round_step(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next((digit * power for digit in (1, 2, 5) if digit * power >= step * 0.999), 10 * power)


def short(number: float) -> str:
    """A tick's label: ``0.65``, ``512``, ``12k``, ``3.2M``."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(number) >= size:
            return f"{number / (1e3 if letter == 'k' else size):.3g}{letter}"
    return f"{number:.4g}"


def shapes() -> Markup:
    """The definitions that `mark` refers to, once a page."""
    outlines = Markup().join(
        Markup('<path id="mark{}" d="{}"/>').format(number, outline) for number, outline in enumerate(SHAPES)
    )
    return Markup('<svg width="0" height="0" aria-hidden="true" class="defs"><defs>{}</defs></svg>').format(outlines)


def style(number: int) -> tuple[str, int]:
    """Class of the colour and number of the shape for the model of this rank: 144 pairs before one repeats."""
    return f"c{number % len(SHAPES)}", (number + number // len(SHAPES)) % len(SHAPES)


def mark(number: int) -> Markup:
    """A model's mark beside its name."""
    colour, shape = style(number)
    return Markup(
        '<svg class="mark {}" width="14" height="14" viewBox="-7 -7 14 14" aria-hidden="true"><use href="#mark{}"/></svg>'
    ).format(colour, shape)


def strip(number: int, scale: Scale, scores: Sequence[float], middle: float, low: float, high: float) -> Markup:
    """One row of dots: every seed as a point, the interval as a line, the median as a stroke."""
    x = scale.percent
    colour, _ = style(number)
    grid = Markup().join(Markup('<line class="grid" x1="{0}%" x2="{0}%" y2="100%"/>').format(x(t)) for t in scale.ticks)
    if scale.guess is not None:
        grid += Markup(
            '<line class="guess" x1="{0}%" x2="{0}%" y2="100%"><title>one constant answer: {1:.4f}</title></line>'
        ).format(x(scale.guess), scale.guess)
    # Points take turns on three lines, since equal scores would hide each other.
    points = Markup().join(
        Markup('<circle cx="{}%" cy="{}" r="3"><title>{:.4f}</title></circle>').format(
            x(score), 14 + 6 * ((n + 1) % 3 - 1), score
        )
        for n, score in enumerate(scores)
    )
    label = f"median {middle:.4f}, interval {low:.4f} to {high:.4f}, seeds: {', '.join(f'{s:.4f}' for s in scores)}"
    return Markup(
        '<svg class="strip {}" role="img" aria-label="{}" height="28" width="100%">{}'
        '<line class="interval" x1="{}%" x2="{}%" y1="14" y2="14"/>{}'
        '<line class="median" x1="{}%" x2="{}%" y1="4" y2="24"/></svg>'
    ).format(colour, label, grid, x(low), x(high), points, x(middle), x(middle))


def axis(scale: Scale) -> Markup:
    """The labels of the ticks above a column of strips."""
    labels = Markup().join(
        Markup('<text x="{}%" y="11">{}</text>').format(scale.percent(tick), short(tick)) for tick in scale.ticks
    )
    return Markup('<svg class="axis" aria-hidden="true" height="14" width="100%">{}</svg>').format(labels)


@dataclass(frozen=True)
class Point:
    """A point of a chart with an interval on the vertical axis.

    Attributes:
        x, y: its place.
        low, high: of the interval; equal to ``y`` if there is none.
        text: shown when pointed at.
        hollow: drawn as an outline.
    """

    x: float
    y: float
    low: float
    high: float
    text: str
    hollow: bool = False


@dataclass(frozen=True)
class Series:
    """Points of one model, or a line that belongs to no model.

    Attributes:
        number: of the model's style.
        points: from left to right.
        joined: whether lines join them.
        end_only: whether only the last point has a mark.
        name: by which the script finds the series; empty if it need not.
        line: class of a line without marks, such as ``front``; empty for a model.
        label: written above the right end of such a line.
    """

    number: int
    points: Sequence[Point]
    joined: bool = False
    end_only: bool = False
    name: str = ""
    line: str = ""
    label: str = ""


def chart(
    series: Sequence[Series],
    across: Scale,
    up: Scale,
    x_label: str,
    y_label: str,
    description: str,
    *,
    under: Markup | None = None,
) -> Markup:
    """Points or curves in a frame with labelled ticks; ``under`` is drawn beneath them."""
    parts = [
        *(_tick_up(up.percent(tick), up.label(tick)) for tick in up.ticks),
        *(_tick_across(across.percent(tick), across.label(tick)) for tick in across.ticks),
        *([under] if under else []),
        *(_drawn(one, across, up) for one in [*_baseline(across, up), *series]),
        Markup('<text class="label up" x="-44" y="-10">{}</text>').format(y_label),
        Markup('<text class="label across" x="100%" y="100%" dy="34">{}</text>').format(x_label),
    ]
    return Markup('<div class="chart"><svg role="img" aria-label="{}" width="100%" height="200">{}</svg></div>').format(
        description, Markup().join(parts)
    )


def _baseline(across: Scale, up: Scale) -> list[Series]:
    """The score of a constant answer as a level line."""
    if up.guess is None:
        return []
    ends = [Point(x, up.guess, up.guess, up.guess, "") for x in (across.low, across.high)]
    return [Series(0, ends, joined=True, line="guess", label=f"one constant answer, {up.guess:.2f}")]


def _tick_up(place: float, label: str) -> Markup:
    y = round(100 - place, 2)
    return Markup(
        '<line class="grid" x2="100%" y1="{0}%" y2="{0}%"/><text class="tick up" x="-7" y="{0}%" dy="4">{1}</text>'
    ).format(y, label)


def _tick_across(place: float, label: str) -> Markup:
    return Markup('<text class="tick across" x="{}%" y="100%" dy="16">{}</text>').format(place, label)


def _drawn(series: Series, across: Scale, up: Scale) -> Markup:
    colour, shape = style(series.number)
    places = [(across.percent(point.x), round(100 - up.percent(point.y), 2)) for point in series.points]
    lines = [
        Markup('<line class="curve" x1="{}%" y1="{}%" x2="{}%" y2="{}%"/>').format(*here, *there)
        for here, there in pairwise(places)
        if series.joined
    ]
    if series.line:
        label = Markup('<text class="tick across" x="100%" y="{}%" dy="-4">{}</text>').format(
            places[-1][1], series.label
        )
        return Markup('<g class="{}">{}</g>').format(
            series.line, Markup().join([*lines, *([label] if series.label else [])])
        )
    bars = [
        Markup('<line class="interval" x1="{0}%" x2="{0}%" y1="{1}%" y2="{2}%"/>').format(
            place[0], *(round(100 - up.percent(end), 2) for end in (point.low, point.high))
        )
        for place, point in zip(places, series.points, strict=True)
        if point.low < point.high
    ]
    marks = [
        Markup('<svg x="{}%" y="{}%" overflow="visible"><use href="#mark{}"{}/><title>{}</title></svg>').format(
            *place, shape, Markup(' class="hollow"') if point.hollow else "", point.text
        )
        for place, point in list(zip(places, series.points, strict=True))[-1 if series.end_only else 0 :]
    ]
    name = Markup(' data-model="{}"').format(series.name) if series.name else ""
    return Markup('<g class="{}"{}>{}</g>').format(colour, name, Markup().join([*lines, *bars, *marks]))
