"""The picture of a price over time."""

from __future__ import annotations

from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bot.figures import change, money
from bot.pictures import canvas
from bot.pictures.scenes import PriceScene
from bot.pictures.timeline import time_labels
from exchange.prices import Halt, Period, PriceHistory

_PERIODS: Final = {
    Period.HOUR: "1 h",
    Period.SIX_HOURS: "6 h",
    Period.DAY: "24 h",
    Period.WEEK: "7 days",
    Period.ALL: "all",
}
_VOLUME_BARS: Final = 60
_POINTS_PER_INCH: Final = 72
_VOLUME_ROOM: Final = 0.22
_VOLUME_HEIGHT: Final = 0.18
"""Of the plot: what is kept for the volume below the prices, and how tall its bars are at most."""
_NARROWEST_HALT: Final = 0.012
"""As a part of the time shown: a short halt in a long week must still be seen."""
_LABELLED_HALTS: Final = 3
_FURTHEST: Final = 1.5
"""How far beyond the prices, as a multiple of their range, the reader's average may stretch the picture."""
_WORDS_WIDTH: Final = 0.5
_WORDS_HEIGHT: Final = 0.13
"""Of the words at the reader's average, as parts of the plot's."""
_CENTRES: Final = (0.26, 0.5, 0.74)
_LEAST_RANGE: Final = 0.02
"""Of the price, so that a price that stood still is a calm line and not a jagged one."""

Line = tuple[list[float], list[float]]


def draw_price_chart(scene: PriceScene) -> Figure:
    """A line with its fills below it, halts shaded, and the reader's average cost as a dashed line."""
    history = scene.history
    figure = canvas.new_figure()
    label = canvas.drawable(history.label, "")
    rise = history.price_paise - history.opening_price_paise
    colour = canvas.GREEN if rise > 0 else canvas.RED if rise < 0 else canvas.BLUE
    detail = " · ".join(part for part in (label, _PERIODS.get(scene.period)) if part)
    canvas.header(figure, history.market, detail, change(history.change_bps), colour)

    lowest, highest = _range(history)
    prices = (history.price_paise, round(lowest), round(highest))
    labels = [money(history.price_paise), *(canvas.coins(paise, highest - lowest) for paise in prices)]
    axes = canvas.plot_area(figure, 0.115, 0.83, labels)
    axes.set_xlim(0, history.bucket_count)
    canvas.price_labels(axes, lowest, highest, history.price_paise, room_below=_VOLUME_ROOM)
    line = _steps(history)
    _draw_halts(axes, history)
    _draw_line(axes, history, line, lowest, colour)
    _draw_average(axes, history, line, (lowest, highest))
    _draw_volume(axes, history)
    time_labels(axes, history.bucket_count * history.bucket_seconds, history.bucket_seconds)
    canvas.tag(axes, history.price_paise, money(history.price_paise), colour)
    return figure


def _range(history: PriceHistory) -> canvas.Span:
    """The prices that the picture reaches from and to, with the reader's average where it is not too far off."""
    lowest, highest = float(history.lowest_paise), float(history.highest_paise)
    room = max(highest - lowest, _LEAST_RANGE * history.price_paise)
    average = history.average_cost_paise
    if average is not None and lowest - _FURTHEST * room <= average <= highest + _FURTHEST * room:
        lowest, highest = min(lowest, average), max(highest, average)
    middle, half = (lowest + highest) / 2, max(highest - lowest, _LEAST_RANGE * history.price_paise) / 2
    return middle - 1.16 * half, middle + 1.2 * half


def _steps(history: PriceHistory) -> Line:
    """The price over the buckets: it stays what it was between fills."""
    x, y = [0.0], [float(history.opening_price_paise)]
    for bucket in history.buckets:
        middle = min(bucket.number, history.bucket_count - 1) + 0.5
        x += [middle, middle]
        y += [y[-1], bucket.last_paise]
    x += [history.bucket_count, history.bucket_count]
    y += [y[-1], history.price_paise]
    return x, y


def _draw_line(axes: Axes, history: PriceHistory, line: Line, floor: float, colour: str) -> None:
    """The price, with thin strokes for what it reached within a bucket."""
    canvas.glow(axes, *line, floor, colour)
    canvas.strokes(
        axes,
        [bucket.number + 0.5 for bucket in history.buckets],
        [bucket.lowest_paise for bucket in history.buckets],
        [bucket.highest_paise for bucket in history.buckets],
        color=colour,
        linewidth=1.2,
        alpha=0.55,
        zorder=4,
    )
    axes.plot(*line, color=colour, linewidth=2.2, solid_joinstyle="round", zorder=5)
    canvas.end_dot(axes, line[0][-1], line[1][-1], colour)


def _draw_average(axes: Axes, history: PriceHistory, line: Line, span: canvas.Span) -> None:
    """What the reader's own shares cost on average; where that is far off, only which way."""
    average = history.average_cost_paise
    if average is None:
        return
    words = f"your average {money(average)}"
    style = canvas.words_style(canvas.AMBER)
    if average < span[0]:
        axes.text(0.01, _VOLUME_ROOM + 0.03, f"▼ {words}", va="bottom", transform=axes.transAxes, **style)
    elif average > span[1]:
        axes.text(0.01, 0.97, f"▲ {words}", va="top", transform=axes.transAxes, **style)
    else:
        axes.axhline(average, color=canvas.AMBER, linewidth=1.8, dashes=(4, 2.5), zorder=4)
        centre, sign = _free_place(line, average, span)
        axes.annotate(
            words,
            xy=(centre, average),
            xytext=(0, 3 * sign),
            textcoords="offset points",
            va="bottom" if sign > 0 else "top",
            ha="center",
            **style,
        )


def _free_place(line: Line, average: int, span: canvas.Span) -> tuple[float, int]:
    """Where the words have most room beside the line of the price: their centre, and 1 above or -1 below the average."""
    right = line[0][-1]
    lowest, highest = span
    height = _WORDS_HEIGHT * (highest - lowest)

    def room(place: tuple[float, int]) -> float:
        centre, sign = place
        if not lowest <= average + sign * height <= highest:
            return -1.0
        # The price enters the place from the left at what it was before, hence the pairs.
        gaps = [
            max(0.0, sign * (paise - average) - height, sign * (average - paise))
            for paise, start, end in zip(line[1], line[0], line[0][1:], strict=False)
            if end >= (centre - _WORDS_WIDTH / 2) * right and start <= (centre + _WORDS_WIDTH / 2) * right
        ]
        return min(gaps, default=highest - lowest)

    places = [(centre, sign) for centre in _CENTRES for sign in (1, -1)]
    centre, sign = max(places, key=room)
    return centre * right, sign


def _halt_span(history: PriceHistory, halt: Halt) -> canvas.Span:
    """Where a halt begins and ends on the axis, wide enough to be seen."""

    def place(seconds: float) -> float:
        return min(max(seconds / history.bucket_seconds, 0.0), history.bucket_count)

    start = place((halt.halted_at - history.starts_at).total_seconds())
    end = (
        history.bucket_count
        if halt.ends_at is None
        else place((halt.ends_at - history.starts_at).total_seconds())
    )
    return start, max(end, start + _NARROWEST_HALT * history.bucket_count)


def _draw_halts(axes: Axes, history: PriceHistory) -> None:
    """Each halt is shaded, and named where there are few; else it is told how many there are."""
    for halt in history.halts:
        axes.axvspan(*_halt_span(history, halt), color=canvas.GREY, alpha=0.32, linewidth=0, zorder=2)
    words = "halt" if len(history.halts) <= _LABELLED_HALTS else f"{len(history.halts)} halts"
    for halt in history.halts if len(history.halts) <= _LABELLED_HALTS else history.halts[-1:]:
        start, end = _halt_span(history, halt)
        middle = (start + end) / 2
        side = (
            "left"
            if middle < 0.08 * history.bucket_count
            else "right"
            if middle > 0.92 * history.bucket_count
            else "center"
        )
        axes.text(
            middle,
            1.0,
            words,
            transform=axes.get_xaxis_transform(),
            color=canvas.DIM,
            fontsize=10,
            ha=side,
            va="bottom",
        )


def _draw_volume(axes: Axes, history: PriceHistory) -> None:
    """The shares traded, in bars as wide as a phone can show."""
    width = max(1, -(-history.bucket_count // _VOLUME_BARS))
    bars: dict[int, int] = {}
    for bucket in history.buckets:
        place = bucket.number // width
        bars[place] = bars.get(place, 0) + bucket.volume_shares
    tallest = _VOLUME_HEIGHT / max([1, *bars.values()])
    inches = axes.get_window_extent().width / canvas.DOTS_PER_INCH
    canvas.strokes(
        axes,
        [width * (place + 0.5) for place in bars],
        [0.0] * len(bars),
        [tallest * shares for shares in bars.values()],
        transform=axes.get_xaxis_transform(),
        color=canvas.GREY,
        linewidth=0.8 * inches * _POINTS_PER_INCH * width / history.bucket_count,
        zorder=3,
    )
    axes.plot([0, 1], [0, 0], transform=axes.transAxes, color=canvas.FAINT, linewidth=1.2, clip_on=False)
    canvas.side_label(axes, _VOLUME_HEIGHT / 2, "volume")
