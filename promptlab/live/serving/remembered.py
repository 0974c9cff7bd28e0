"""What follows from a text alone, found once while a server lives."""

from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from threading import Lock
from typing import Any

MOST = 20_000


class Remembered:
    """Values by kind and text; those asked for longest ago go where they are too many. For many threads."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._lock = Lock()
        self._values: OrderedDict[tuple[str, bytes], Any] = OrderedDict()

    def find[V](self, kind: str, text: str, make: Callable[[], V]) -> V:
        """Give what `make` gave for this text before, else gives now."""
        key = kind, sha256(text.encode("utf-8", "surrogatepass")).digest()
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                found: V = self._values[key]
                return found
        made = make()
        with self._lock:
            self._values[key] = made
            if len(self._values) > self._most:
                self._values.popitem(last=False)
        return made
