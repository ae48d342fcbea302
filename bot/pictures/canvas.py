"""The look that all pictures share. Only the process that draws imports this, and with it matplotlib.

A picture is seen at a third of its size on a phone, in a dark chat: so the letters are large, the lines thick,
the colours light, and there are few of either.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from bot.figures import grouped, money

BACKGROUND: Final = "#2b2d31"
"""That of Discord's cards, so that a picture has no edges there."""
BRIGHT: Final = "#f2f3f5"
DIM: Final = "#b5bac1"
FAINT: Final = "#41434a"
GREEN: Final = "#4ade80"
RED: Final = "#ff7b84"
BLUE: Final = "#6cb6ff"
AMBER: Final = "#fbbf3c"
GREY: Final = "#80848e"

TITLE_POINTS: Final = 15
TEXT_POINTS: Final = 12
SMALL_POINTS: Final = 11

DOTS_PER_INCH: Final = 200
_WIDTH_INCHES: Final = 5.0
_HEIGHT_INCHES: Final = 3.35
_MARGIN: Final = 0.025
_LETTER: Final = 0.0205
"""The width of a letter of a price on the axis, as a part of the picture's."""
_COIN_PAISE: Final = 100
_PRICES: Final = 4
_COMPRESSION: Final = 3
"""A third of the time of the usual level, for a tenth more bytes."""
_EDGE: Final = 0.04
_NEAR: Final = 0.11

Span = tuple[float, float]


def prepare() -> None:
    """Take matplotlib's own defaults, whatever is configured on this machine, and no formulas in texts."""
    mpl.rcdefaults()
    mpl.rcParams["text.parse_math"] = False


def new_figure() -> Figure:
    """An empty picture."""
    figure = Figure(figsize=(_WIDTH_INCHES, _HEIGHT_INCHES), dpi=DOTS_PER_INCH, facecolor=BACKGROUND)
    FigureCanvasAgg(figure)
    return figure


def as_png(figure: Figure) -> bytes:
    """The finished picture."""
    buffer = io.BytesIO()
    figure.savefig(
        buffer,
        format="png",
        facecolor=BACKGROUND,
        metadata={"Software": None},
        pil_kwargs={"compress_level": _COMPRESSION},
    )
    return buffer.getvalue()


def drawable(text: str, otherwise: str) -> str:
    """A text without the letters that the font does not have; if none is left, another one."""
    font = get_font(findfont("DejaVu Sans"))
    kept = "".join(letter for letter in text if font.get_char_index(ord(letter)))
    return " ".join(kept.split()) or otherwise


def header(figure: Figure, left: str, detail: str, right: str, colour: str) -> None:
    """The line above a picture: what it is, bold and then dim; and at the right the figure that matters."""
    named = figure.text(
        _MARGIN, 0.915, left, color=BRIGHT, fontsize=TITLE_POINTS, fontweight="bold", va="center"
    )
    end = named.get_window_extent().x1 / figure.bbox.width
    figure.text(end + 0.02, 0.912, detail, color=DIM, fontsize=TEXT_POINTS, va="center")
    figure.text(
        1 - _MARGIN,
        0.915,
        right,
        color=colour,
        fontsize=TITLE_POINTS,
        fontweight="bold",
        va="center",
        ha="right",
    )


def plot_area(figure: Figure, bottom: float, top: float, labels: Sequence[str]) -> Axes:
    """Axes without a frame, with room at the right for labels as long as these."""
    width = 1 - 2 * _MARGIN - 0.02 - _LETTER * max(map(len, labels), default=0)
    axes = figure.add_axes((_MARGIN, bottom, width, top - bottom), facecolor="none")
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0, labelsize=SMALL_POINTS, labelcolor=DIM, pad=6)
    axes.yaxis.tick_right()
    return axes


def price_labels(
    axes: Axes, lowest: float, highest: float, tagged: float, *, room_below: float = 0.0
) -> None:
    """Round prices (in paise) at the right, each with a faint line; none is written where the tag will be.

    `room_below`, a part of the plot, is kept free of prices.
    """
    span = highest - lowest
    axes.set_ylim(highest - span / (1 - room_below), highest)
    ticks = [
        float(paise)
        for paise in MaxNLocator(_PRICES, steps=[1, 2, 2.5, 5, 10]).tick_values(lowest, highest)
        if lowest + _EDGE * span <= paise <= highest
    ]
    labels = ["" if abs(paise - tagged) < _NEAR * span else coins(round(paise), span) for paise in ticks]
    axes.set_yticks(ticks, labels)
    axes.grid(axis="y", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)


def coins(paise: int, span_paise: float) -> str:
    """An amount on an axis: ₹1,250, or ₹16.65 where the axis spans only a few coins."""
    return money(paise) if span_paise < 10 * _COIN_PAISE else f"₹{grouped(round(paise / _COIN_PAISE))}"


def glow(axes: Axes, x: Sequence[float], y: Sequence[float], floor: float, colour: str) -> None:
    """Fill the area under a line, fading towards the floor."""
    red, green, blue = mpl.colors.to_rgb(colour)
    shade: Any = np.empty((256, 1, 4))
    shade[..., :3] = red, green, blue
    shade[..., 3] = np.linspace(0.0, 0.38, 256)[:, None]
    top = max(y)
    if top <= floor:
        return
    image = axes.imshow(
        shade,
        extent=(x[0], x[-1], floor, top),
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        zorder=1,
    )
    outline = Path([(x[0], floor), *zip(x, y, strict=True), (x[-1], floor)])
    image.set_clip_path(PathPatch(outline, transform=axes.transData, facecolor="none"))


def strokes(
    axes: Axes, x: Sequence[float], low: Sequence[float], high: Sequence[float], **style: Any
) -> None:
    """Upright strokes, as one line with gaps, since matplotlib takes ten times as long for each by itself."""
    gap = [float("nan")] * len(x)
    places = np.column_stack([x, x, x]).ravel()
    heights = np.column_stack([low, high, gap]).ravel()
    axes.plot(places, heights, solid_capstyle="butt", **style)


def words_style(colour: str) -> dict[str, Any]:
    """Small words in a plot, with a rim that keeps them readable where a line passes."""
    rim = withStroke(linewidth=3, foreground=BACKGROUND)
    return {"color": colour, "fontsize": SMALL_POINTS, "zorder": 8, "path_effects": [rim]}


def tag(axes: Axes, y: float, text: str, colour: str) -> None:
    """The figure that a line has reached, on its colour, over the labels at the right."""
    axes.annotate(
        text,
        xy=(1, y),
        xycoords=axes.get_yaxis_transform(),
        xytext=(6, 0),
        textcoords="offset points",
        color=BACKGROUND,
        fontsize=SMALL_POINTS,
        fontweight="bold",
        va="center",
        ha="left",
        annotation_clip=False,
        bbox={"boxstyle": "round,pad=0.25", "facecolor": colour, "edgecolor": BACKGROUND, "linewidth": 1.5},
        zorder=10,
    )


def side_label(axes: Axes, y: float, text: str) -> None:
    """A word at the right like those of the prices, at a height that is a part of the plot's."""
    axes.annotate(
        text,
        xy=(1, y),
        xycoords="axes fraction",
        xytext=(6, 0),
        textcoords="offset points",
        color=DIM,
        fontsize=SMALL_POINTS,
        va="center",
        annotation_clip=False,
    )


def end_dot(axes: Axes, x: float, y: float, colour: str) -> None:
    """Where a line has got to."""
    axes.plot(
        [x], [y], "o", color=colour, markersize=9, alpha=0.35, markeredgewidth=0, zorder=6, clip_on=False
    )
    axes.plot([x], [y], "o", color=colour, markersize=5, markeredgewidth=0, zorder=7, clip_on=False)
