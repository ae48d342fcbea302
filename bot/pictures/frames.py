"""How the bot and the process that draws speak: frames of a length and so many bytes, over the process's pipes."""

import asyncio
import struct
from typing import BinaryIO, Final

READY: Final = b"R"
PICTURE: Final = b"P"
FAILURE: Final = b"F"
"""The first byte of each answer: ready to draw; a picture; a traceback."""

_LENGTH: Final = struct.Struct(">I")
_LONGEST: Final = 16 * 1024 * 1024


def frame(body: bytes) -> bytes:
    """A body with its length before it."""
    return _LENGTH.pack(len(body)) + body


def read_frame(stream: BinaryIO) -> bytes | None:
    """The next body, or None where the other side has closed the pipe."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    body = stream.read(_length(head))
    return body if len(body) == _length(head) else None


async def receive_frame(reader: asyncio.StreamReader) -> bytes:
    """The next body. Raises asyncio.IncompleteReadError where the other side has closed the pipe, or died."""
    return await reader.readexactly(_length(await reader.readexactly(_LENGTH.size)))


def _length(head: bytes) -> int:
    length: int = _LENGTH.unpack(head)[0]
    if length > _LONGEST:
        raise OSError(f"A frame of {length} bytes is longer than anything that is sent.")
    return length
