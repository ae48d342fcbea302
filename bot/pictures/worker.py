"""The process that draws: it takes scenes from its standard input and gives pictures, until the input is closed.

So it ends with the bot, however the bot ends. It has none of the bot's secrets, and the bot never imports
matplotlib, which alone would hold it up for half a second.
"""

import os
import pickle
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from bot.pictures.frames import FAILURE, PICTURE, READY, frame, read_frame
from bot.pictures.scenes import Scene

_SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108  # only for a folder with a name of its own, as in any other
_COURTESY: Final = 5
"""How much the process steps back where there are fewer processors than work: trades go first."""

Draw = Callable[[Scene], bytes]


def main() -> None:
    """Draw until there is nobody to draw for."""
    scenes, pictures = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # What a library prints must not get among the pictures.
    if hasattr(os, "nice"):
        os.nice(_COURTESY)
    draw = _draw_function()
    _send(pictures, READY)
    while (request := read_frame(scenes)) is not None:
        try:
            scene = pickle.loads(request)  # noqa: S301  # the other end of the pipe is the process that started this one
            answer = PICTURE + draw(scene)
        except Exception:  # noqa: BLE001  # the next scene may be drawable
            answer = FAILURE + traceback.format_exc().encode()
        _send(pictures, answer)


def _draw_function() -> Draw:
    """Import matplotlib, which wants a folder to write its list of fonts into, and forget the folder again."""
    with _writable_folder() as folder:
        os.environ["MPLCONFIGDIR"] = folder
        from bot.pictures.drawing import draw, warm_up  # noqa: PLC0415  # not before the folder is known

        warm_up()
    return draw


@contextmanager
def _writable_folder() -> Iterator[str]:
    """A temporary folder: in shared memory where the whole file system is read-only, as in the container."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="betjee-pictures-")
    except OSError:
        folder = tempfile.TemporaryDirectory(prefix="betjee-pictures-", dir=_SHARED_MEMORY)
    with folder as name:
        yield name


def _send(stream: BinaryIO, body: bytes) -> None:
    stream.write(frame(body))
    stream.flush()


if __name__ == "__main__":
    main()
