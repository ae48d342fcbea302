"""The picture of a market's curve."""

from __future__ import annotations

from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bot.figures import grouped, money
from bot.pictures import canvas
from bot.pictures.scenes import CurveScene
from exchange.prices import CurvePoint, MarketDetail

_FAR_RIGHT: Final = 0.7


def draw_curve_chart(scene: CurveScene) -> Figure:
    """The curve, bright up to where the market stands, and the band that its price may not leave now."""
    detail = scene.detail
    market = detail.market
    figure = canvas.new_figure()
    canvas.header(
        figure, market.market, canvas.drawable(market.label, ""), money(market.price_paise), canvas.BLUE
    )
    lowest, highest = detail.curve[0].price_paise, detail.curve[-1].price_paise
    room = 0.07 * (highest - lowest)
    axes = canvas.plot_area(
        figure, 0.175, 0.84, [money(market.price_paise), canvas.coins(highest, highest - lowest)]
    )
    canvas.price_labels(axes, lowest - room, highest + room, market.price_paise)
    axes.set_xlim(detail.curve[0].sold_shares, detail.curve[-1].sold_shares)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10], integer=True, prune="upper"))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda sold, _: grouped(round(sold))))
    figure.text(
        axes.get_position().x1,
        0.045,
        "shares sold →",
        color=canvas.DIM,
        fontsize=canvas.SMALL_POINTS,
        ha="right",
        va="center",
    )
    _draw_band(axes, detail)
    _draw_curve(axes, detail, lowest - room)
    canvas.tag(axes, market.price_paise, money(market.price_paise), canvas.BLUE)
    return figure


def _draw_band(axes: Axes, detail: MarketDetail) -> None:
    axes.axhspan(
        detail.band_low_paise, detail.band_high_paise, color=canvas.AMBER, alpha=0.16, linewidth=0, zorder=2
    )
    for edge in (detail.band_low_paise, detail.band_high_paise):
        axes.axhline(edge, color=canvas.AMBER, linewidth=1.0, alpha=0.7, zorder=2)
    # A curve rises from the lower left to the upper right, so the other corners are free.
    bottom, top = axes.get_ylim()
    left, right = axes.get_xlim()
    here = (detail.market.sold_shares - left) / (right - left)
    is_above = detail.band_high_paise < bottom + 0.76 * (top - bottom)
    x, y = (0.02, 0.96) if is_above else (0.98 if here < _FAR_RIGHT else here - 0.025, 0.05)
    axes.text(
        x,
        y,
        f"may move within\n{money(detail.band_low_paise)} – {money(detail.band_high_paise)} now",
        transform=axes.transAxes,
        linespacing=1.35,
        ha="left" if is_above else "right",
        va="top" if is_above else "bottom",
        **canvas.words_style(canvas.AMBER),
    )


def _draw_curve(axes: Axes, detail: MarketDetail, floor: float) -> None:
    market = detail.market
    here = CurvePoint(market.sold_shares, market.price_paise)
    behind = [*(point for point in detail.curve if point.sold_shares < here.sold_shares), here]
    ahead = [here, *(point for point in detail.curve if point.sold_shares > here.sold_shares)]
    axes.plot(*zip(*ahead, strict=True), color=canvas.GREY, linewidth=2.6, zorder=4)
    canvas.glow(
        axes,
        [point.sold_shares for point in behind],
        [point.price_paise for point in behind],
        floor,
        canvas.BLUE,
    )
    axes.plot(*zip(*behind, strict=True), color=canvas.BLUE, linewidth=3.2, solid_capstyle="round", zorder=5)
    axes.plot(
        [here.sold_shares] * 2,
        [floor, here.price_paise],
        color=canvas.BLUE,
        linewidth=1.4,
        dashes=(2, 2),
        zorder=4,
    )
    axes.plot(
        [here.sold_shares, axes.get_xlim()[1]],
        [here.price_paise] * 2,
        color=canvas.BLUE,
        linewidth=1.4,
        dashes=(2, 2),
        zorder=4,
    )
    canvas.end_dot(axes, here.sold_shares, here.price_paise, canvas.BLUE)
