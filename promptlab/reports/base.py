"""The protocol of reports, and what several of them say the same way."""

from collections.abc import Iterator
from typing import Protocol

from promptlab.schemas.report import RunReport


class Report(Protocol):
    """Yields the text of a report in pieces, so that a long run is never in memory as a whole."""

    def __call__(self, source: RunReport) -> Iterator[str]: ...
