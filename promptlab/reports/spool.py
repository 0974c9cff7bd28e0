"""Texts that come in one order and are wanted in another, in a file beside memory."""

from collections import defaultdict
from collections.abc import Iterator
from tempfile import TemporaryFile
from types import TracebackType
from typing import Self

ROOM = 16 * 1024


class Spool:
    """Keeps texts by key, at most a few pages of each in memory; gives them back key by key."""

    def __init__(self) -> None:
        self._file = TemporaryFile()  # noqa: SIM115 - closed by __exit__
        self._pending: dict[str, list[bytes]] = defaultdict(list)
        self._sizes: dict[str, int] = defaultdict(int)
        self._written: dict[str, list[tuple[int, int]]] = defaultdict(list)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, key: str, text: str) -> None:
        """Put a text behind those of its key."""
        content = text.encode()
        self._pending[key].append(content)
        self._sizes[key] += len(content)
        if self._sizes[key] >= ROOM:
            self._write(key)

    def texts(self, key: str) -> Iterator[str]:
        """Give the texts of a key in the order in which they came, several as one."""
        self._write(key)
        for begin, size in self._written[key]:
            self._file.seek(begin)
            yield self._file.read(size).decode()

    def _write(self, key: str) -> None:
        content = b"".join(self._pending.pop(key, ()))
        if content:
            begin = self._file.seek(0, 2)
            self._written[key].append((begin, self._file.write(content)))
        self._sizes[key] = 0
