"""A guild that keeps the bot busy, over real sockets, in a process of its own so that it takes none of the bot's time.

It reads a line for each measurement (a command, how many are in hand at once, seconds) and writes how many were answered.
"""

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from itertools import count, cycle
from typing import Any

from aiohttp import web

from tests.bot.discord_server import MESSAGE, DiscordServer, _json

MEMBERS = 200
FIRST_MEMBER = 20_000
MARKETS = ("21s1", "21s2", "22s1", "22s2", "23s1", "23s2", "24s1", "24s2", "28s1", "28s2")


class BusyGuild(DiscordServer):
    """Gives the next command as soon as one is answered."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers = count(1_000_000 + int(time.time()) * 1_000)
        self._answered: dict[str, asyncio.Future[None]] = {}

    async def measure(self, command: str, in_hand: int, seconds: float) -> int:
        """How many commands were answered."""
        end = time.perf_counter() + seconds
        answered = 0

        async def keep_busy(members: Iterator[int]) -> None:
            nonlocal answered
            for member in members:
                for name in ("buy", "sell") if command == "trade" else (command,):
                    await self._give(name, member)
                    answered += 1
                if time.perf_counter() > end:
                    return

        shares = MEMBERS // in_hand
        groups = [range(first * shares, (first + 1) * shares) for first in range(in_hand)]
        await asyncio.gather(*(keep_busy(cycle(group)) for group in groups))
        return answered

    async def _give(self, command: str, member: int) -> None:
        number = next(self._numbers)
        token = f"token-{number}"
        answered = self._answered[token] = asyncio.get_running_loop().create_future()
        options = (
            {"market": MARKETS[member % len(MARKETS)], "shares": "1"} if command in ("buy", "sell") else {}
        )
        await self.sends_command(number, command, str(FIRST_MEMBER + member), **options)
        await answered

    async def _serve_http(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        if path.startswith("webhooks/"):
            body = await request.json()
            if request.method == "PATCH":
                self._note(path.split("/")[2], body)
            return _json(MESSAGE)
        return await super()._serve_http(request)

    def _note(self, token: str, body: dict[str, Any]) -> None:
        title = body["embeds"][0]["title"]
        if not title.startswith(("Bought", "Sold", "Markets", "Your portfolio")):
            sys.stderr.write(f"{body}\n")
            os._exit(1)
        answered = self._answered.pop(token)
        if not answered.done():
            answered.set_result(None)


async def main(port: int) -> None:
    """Serve, and measure what is asked for on standard input."""
    loop = asyncio.get_running_loop()
    async with BusyGuild().listening(port) as guild:
        print("listening", flush=True)
        await guild.identified.wait()
        print("identified", flush=True)
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            command, in_hand, seconds = line.split()
            print(await guild.measure(command, int(in_hand), float(seconds)), flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
