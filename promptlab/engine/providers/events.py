"""Server-sent events, read from bytes as they come (WHATWG HTML, "Parsing an event stream")."""

import json
from collections.abc import Iterator
from typing import Any

DONE = "[DONE]"


class EventDecoder:
    """Takes the bytes of a stream in pieces of any size; gives the data of each event that is complete."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[bytes] = []

    def feed(self, piece: bytes) -> Iterator[str]:
        """Give the data of the events that end in this piece."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            bare = line.removesuffix(b"\r")
            if bare.startswith(b"data:"):
                self._lines.append(bare.removeprefix(b"data:").removeprefix(b" "))
            elif not bare and self._lines:
                data = b"\n".join(self._lines)
                self._lines = []
                yield data.decode("utf-8", "replace")


def events_in(raw: bytes) -> Iterator[Any]:
    """Give each event of a whole stream as JSON, and DONE as itself; raises ValueError for what is none."""
    for data in EventDecoder().feed(raw):
        yield DONE if data == DONE else json.loads(data)


def looks_like_events(raw: bytes) -> bool:
    """Tell a stream from a plain body, which a server that cannot stream gives instead."""
    return not raw.lstrip().startswith((b"{", b"["))
