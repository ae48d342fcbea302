"""Pictures that were drawn before."""

from collections import OrderedDict

from bot.pictures.scenes import Key


class PictureCache:
    """Keeps the pictures that were asked for last, as many as fit into `most_bytes`."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._pictures: OrderedDict[Key, bytes] = OrderedDict()

    def __len__(self) -> int:
        return len(self._pictures)

    def get(self, key: Key) -> bytes | None:
        """The picture of that key, or None."""
        if key in self._pictures:
            self._pictures.move_to_end(key)
        return self._pictures.get(key)

    def put(self, key: Key, picture: bytes) -> None:
        """Keep a picture, and forget those that were not asked for the longest where there is no room."""
        self._bytes += len(picture) - len(self._pictures.pop(key, b""))
        self._pictures[key] = picture
        while self._bytes > self._most_bytes:
            _, forgotten = self._pictures.popitem(last=False)
            self._bytes -= len(forgotten)
