"""A tree of files in which one has another text, which is nowhere on disk."""

import io
from dataclasses import field
from typing import BinaryIO

from promptlab.core.frozen import frozen
from promptlab.loader.sources import Source

__all__ = ["Edited"]


@frozen
class Edited:
    """The files of `source`, but that at `path`, which must be there, holds `content`."""

    source: Source
    path: str
    content: bytes = field(repr=False)

    def locate(self, path: str) -> str:
        return self.source.locate(path)

    def open(self, path: str) -> BinaryIO:
        return io.BytesIO(self.content) if path == self.path else self.source.open(path)

    def size(self, path: str) -> int:
        return len(self.content) if path == self.path else self.source.size(path)

    def exists(self, path: str) -> bool:
        return self.source.exists(path)

    def list(self, folder: str) -> list[str]:
        return self.source.list(folder)
