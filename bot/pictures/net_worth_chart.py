"""The picture of a member's net worth over time."""

from __future__ import annotations

import math

from matplotlib.figure import Figure

from bot.figures import money
from bot.pictures import canvas
from bot.pictures.scenes import NetWorthScene
from bot.pictures.timeline import time_labels

_LEAST_RANGE = 0.02


def draw_net_worth_chart(scene: NetWorthScene) -> Figure:
    """A line from the first moment to the last."""
    start, end = scene.points[0][0], scene.points[-1][0]
    x = [(at - start).total_seconds() for at, _ in scene.points]
    y = [float(paise) for _, paise in scene.points]
    last = scene.points[-1][1]
    colour = canvas.GREEN if last > y[0] else canvas.RED if last < y[0] else canvas.BLUE
    middle = (max(y) + min(y)) / 2
    half = max(max(y) - min(y), _LEAST_RANGE * abs(middle), 200.0) / 2
    lowest, highest = middle - 1.2 * half, middle + 1.2 * half

    figure = canvas.new_figure()
    canvas.header(figure, "Net worth", "", money(last), colour)
    labels = [canvas.coins(round(paise), highest - lowest) for paise in (last, lowest, highest)]
    axes = canvas.plot_area(figure, 0.13, 0.84, labels)
    axes.set_xlim(0, max(x[-1], 1.0))
    canvas.price_labels(axes, lowest, highest, math.inf)
    canvas.glow(axes, x, y, lowest, colour)
    axes.plot(x, y, color=colour, linewidth=2.4, solid_joinstyle="round", zorder=5)
    canvas.end_dot(axes, x[-1], y[-1], colour)
    time_labels(axes, max((end - start).total_seconds(), 1.0))
    return figure
