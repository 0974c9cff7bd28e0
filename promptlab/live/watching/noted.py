"""Notes what a pipeline is made of, while it is loaded and run."""

from dataclasses import field
from typing import BinaryIO

from promptlab.core.frozen import slotted
from promptlab.loader.sources import Source


@slotted
class Noted:
    """A source that notes each file that was asked for, found or not, and each folder that was listed.

    In `names` those of folders end in a slash; a link is there by its own name and by where it leads.
    """

    source: Source
    names: set[str] = field(default_factory=set)

    @property
    def files(self) -> frozenset[str]:
        return frozenset(name for name in self.names if not name.endswith("/"))

    def locate(self, path: str) -> str:
        self.names.add(path)
        found = self.source.locate(path)
        self.names.add(found)
        return found

    def open(self, path: str) -> BinaryIO:
        return self.source.open(path)

    def size(self, path: str) -> int:
        return self.source.size(path)

    def exists(self, path: str) -> bool:
        self.names.add(path)
        return self.source.exists(path)

    def list(self, folder: str) -> list[str]:
        self.names.add(f"{folder}/")
        return self.source.list(folder)
