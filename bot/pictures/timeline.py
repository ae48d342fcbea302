"""The time at the foot of a picture, told as how long ago: so it is right in every reader's time zone."""

from __future__ import annotations

from typing import Final

from matplotlib.axes import Axes

from bot.figures import MINUS

_MINUTE: Final = 60
_HOUR: Final = 3_600
_DAY: Final = 86_400
_STEPS: Final = (
    *(_MINUTE * minutes for minutes in (1, 2, 5, 10, 20, 30)),
    *(_HOUR * hours for hours in (1, 2, 4, 8, 12)),
    *(_DAY * days for days in (1, 2, 4, 7, 14, 30, 60, 90, 180, 365, 730, 1_825)),
)
_MOST_STEPS: Final = 3.6
_ROOM: Final = 0.12
"""How near to the left edge, as a part of the whole, a label may stand."""


def time_labels(axes: Axes, seconds: float, unit_seconds: float = 1.0) -> None:
    """Label an axis that ends now, `seconds` after its left edge; one unit of it is `unit_seconds` long."""
    step = next((step for step in _STEPS if seconds / step <= _MOST_STEPS), _STEPS[-1])
    ago = [step * number for number in range(int(seconds / step) + 1)]
    right = seconds / unit_seconds
    axes.set_xticks([right - time / unit_seconds for time in ago], [time_ago(time, step) for time in ago])
    for label, time in zip(axes.get_xticklabels(), ago, strict=True):
        if time == 0:
            label.set_horizontalalignment("right")
        elif seconds - time < _ROOM * seconds:
            label.set_horizontalalignment("left")


def time_ago(seconds: int, step_seconds: int) -> str:
    """`now`, `−20 min`, `−8 h`, `−2 d`: in the unit of the step between labels, so that they all have one."""
    if seconds == 0:
        return "now"
    unit, name = next(
        ((unit, name) for unit, name in ((_DAY, "d"), (_HOUR, "h")) if step_seconds >= unit), (_MINUTE, "min")
    )
    return f"{MINUS}{seconds // unit} {name}"
