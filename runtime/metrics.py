"""What a process measures of itself, for Prometheus.

Every label's value is a name of our own, out of a bounded set: nothing that people type becomes one.
"""

import re
from collections.abc import Callable, Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

_COMMAND_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_BATCH_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)
_BATCH_ORDERS: Final = (1, 2, 5, 10, 20, 50, 100, 200)
_NAME: Final = re.compile(r"[a-z][a-z0-9_ ]{0,39}")
_NAMES_AT_MOST: Final = 200
OTHER: Final = "other"


class Metrics:
    """The figures of one process, in a registry of its own. It is what the exchange's queue takes as its meter."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._names: set[str] = set()
        self._commands = Counter(
            "betjee_commands",
            "Commands, clicks and forms that were handled, by how they ended: done, refused or failed.",
            ("command", "outcome"),
            registry=self.registry,
        )
        self._command_seconds = Histogram(
            "betjee_command_seconds",
            "From an interaction's admission to the end of its handling.",
            ("command",),
            buckets=_COMMAND_SECONDS,
            registry=self.registry,
        )
        self._batch_orders = Histogram(
            "betjee_batch_orders", "Orders in a batch.", buckets=_BATCH_ORDERS, registry=self.registry
        )
        self._batch_seconds = Histogram(
            "betjee_batch_seconds",
            "From sending a batch to its answer.",
            buckets=_BATCH_SECONDS,
            registry=self.registry,
        )
        self._refusals = Counter(
            "betjee_refusals", "Orders and requests that were refused.", ("code",), registry=self.registry
        )
        self._board_edits = Counter(
            "betjee_board_looks", "Looks at live boards.", ("result",), registry=self.registry
        )
        self._closed_connections = Counter(
            "betjee_connections_closed",
            "Connections to the page that were closed: one network or all had too many (network, all), or slow.",
            ("reason",),
            registry=self.registry,
        )
        self._health = {
            name: Gauge(f"betjee_{name}", meaning, registry=self.registry)
            for name, meaning in _HEALTH.items()
        }
        self.forget_health()

    def command(self, name: str, outcome: str, seconds: float) -> None:
        """An interaction was handled; `outcome` is `done`, `refused` or `failed`."""
        name = self._bounded(name)
        self._commands.labels(name, outcome).inc()
        self._command_seconds.labels(name).observe(seconds)

    def batch(self, orders: int, seconds: float) -> None:
        """A batch of so many orders was answered after so long."""
        self._batch_orders.observe(orders)
        self._batch_seconds.observe(seconds)

    def refusal(self, code: str) -> None:
        """An order or a request was refused."""
        self._refusals.labels(self._bounded(code)).inc()

    def board_look(self, result: str) -> None:
        """A live board was looked at, and edited or not."""
        self._board_edits.labels(self._bounded(result)).inc()

    def connection_closed(self, reason: str) -> None:
        """A connection to the page was closed by us."""
        self._closed_connections.labels(self._bounded(reason)).inc()

    def health(self, figures: dict[str, float]) -> None:
        """What the database says of all exchanges: some of `_HEALTH`."""
        for name, figure in figures.items():
            self._health[name].set(figure)

    def forget_health(self) -> None:
        """Nothing is known of the exchanges: better no figure than an old one."""
        self.health(dict.fromkeys(_HEALTH, float("nan")))

    def watch_limiter(self, state: Callable[[], str]) -> None:
        """Show in which of its states a rate limiter is; it is asked at each scrape and must not wait."""
        self.registry.register(_State("betjee_limiter_state", "The state of the rate limiter.", state))

    def page(self) -> bytes:
        """All figures in Prometheus's text format."""
        return generate_latest(self.registry)

    def _bounded(self, name: str) -> str:
        """A label's value: a name like those of commands and codes, and no more different ones than are sane."""
        if name not in self._names:
            if not _NAME.fullmatch(name) or len(self._names) >= _NAMES_AT_MOST:
                return OTHER
            self._names.add(name)
        return name


_HEALTH: Final = {
    "outbox_lag_seconds": "How long the oldest due notice has waited.",
    "audit_age_seconds": "How long ago the last clean audit was, of the exchange for which that is longest.",
    "audit_discrepancies": "What the last audits of all exchanges found.",
    "exchanges": "Exchanges in the database.",
}


class _State(Collector):
    """A state as a figure: the name that holds now is 1."""

    def __init__(self, name: str, meaning: str, state: Callable[[], str]) -> None:
        self._name = name
        self._meaning = meaning
        self._state = state
        self._seen: set[str] = set()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The state of this moment, and 0 for those that held before."""
        family = GaugeMetricFamily(self._name, self._meaning, labels=("state",))
        now = self._state()
        self._seen.add(now)
        for state in sorted(self._seen):
            family.add_metric((state,), float(state == now))
        return [family]
