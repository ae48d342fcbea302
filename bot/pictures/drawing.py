"""From a scene to a picture."""

from datetime import UTC, datetime, timedelta

from bot.pictures import canvas
from bot.pictures.curve_chart import draw_curve_chart
from bot.pictures.net_worth_chart import draw_net_worth_chart
from bot.pictures.price_chart import draw_price_chart
from bot.pictures.scenes import CurveScene, NetWorthScene, PriceScene, Scene


def draw(scene: Scene) -> bytes:
    """The scene as a PNG."""
    match scene:
        case PriceScene():
            figure = draw_price_chart(scene)
        case CurveScene():
            figure = draw_curve_chart(scene)
        case NetWorthScene():
            figure = draw_net_worth_chart(scene)
    return canvas.as_png(figure)


def warm_up() -> None:
    """Set the look, and draw once, so that fonts are loaded before someone waits."""
    canvas.prepare()
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    draw(NetWorthScene(((begin, 2_000_000), (begin + timedelta(days=1), 2_100_000))))
