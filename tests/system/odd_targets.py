"""Requests for what is no address, which the library that serves our pages does not answer."""

import asyncio
from typing import Final

_ODD_TARGETS: Final = (b"http://xn--/", b"http://[", b"http://x:99999/", b"//[x", b"*")
_END_SECONDS: Final = 10


async def assert_odd_targets_end(host: str, port: int) -> None:
    """None of them is held open: each connection is closed, with an answer or without."""
    for target in _ODD_TARGETS:
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        try:
            async with asyncio.timeout(_END_SECONDS):
                answer = await reader.read()
        except TimeoutError:
            raise AssertionError(f"{target!r} holds its connection open") from None
        finally:
            writer.close()
        assert b" 500 " not in answer.partition(b"\r\n")[0], target
