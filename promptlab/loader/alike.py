"""Rows that are wrong in the same way: the first is told, the others are counted."""

from dataclasses import field

from promptlab.core.frozen import slotted
from promptlab.core.words import plural

__all__ = ["Alike"]

SHOWN = 3


@slotted
class Alike:
    """One fault, where the first row stands that has it, and how many `more` there are."""

    message: str
    file: str
    line: int
    more: int = 0
    _next: list[str] = field(default_factory=list)

    def add(self, file: str, line: int) -> None:
        """Count one more row."""
        self.more += 1
        if len(self._next) < SHOWN:
            self._next.append(f"{line:,}" if file == self.file else f"{file}:{line}")

    @property
    def said(self) -> str:
        if not self.more:
            return self.message
        dots = ", …" if self.more > len(self._next) else ""
        lines = "line" if self.more == 1 else "lines"
        return f"{self.message}; and {plural(self.more, 'more row')} ({lines} {', '.join(self._next)}{dots})"
