"""What the page refuses, for those who operate it: figures, and a line in the log where somebody guesses links."""

import logging
import time
from collections.abc import Callable
from typing import Final

from aiohttp import web

from runtime.keyed_hashes import KeyedHashes
from runtime.metrics import Metrics
from web.addresses import Networks, client_address
from web.refusals import Refused

MANY_GUESSES: Final = 10
"""Of one network within a minute. People mistype a link once or twice."""

_MINUTE_SECONDS: Final = 60.0
_MOST_NETWORKS: Final = 1_000

_log = logging.getLogger(__name__)


class Watch:
    """Takes note of refusals.

    A link that nobody was given is nobody's, so there is no identity that the database could record an attempt of.
    That somebody tries such links is noted here instead, by the keyed hash of their network and for a minute.
    """

    def __init__(
        self,
        metrics: Metrics,
        hashes: KeyedHashes,
        proxies: Networks,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._metrics = metrics
        self._hashes = hashes
        self._proxies = proxies
        self._clock = clock
        self._guesses: dict[bytes, int] = {}
        self._minute_ends_at = 0.0

    def refused(self, request: web.Request, refusal: Refused) -> None:
        """The page has refused a request."""
        self._metrics.refusal(refusal.code)
        if refusal.code == "token_unknown":
            self._guessed(self._hashes.networks(client_address(request, self._proxies)).exact)

    def _guessed(self, network: bytes) -> None:
        if self._clock() >= self._minute_ends_at:
            self._minute_ends_at = self._clock() + _MINUTE_SECONDS
            self._guesses.clear()
        if network not in self._guesses and len(self._guesses) >= _MOST_NETWORKS:
            return
        guesses = self._guesses[network] = self._guesses.get(network, 0) + 1
        if guesses == MANY_GUESSES:
            _log.warning(
                "One network, whose hash begins with %s, has tried %d links within a minute that nobody was given.",
                network.hex()[:8],
                guesses,
            )
