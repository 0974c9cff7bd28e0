"""Metrics over trials: a kind is one file, its options are its fields."""

from abc import ABC
from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from promptlab.core.json import JSON
from promptlab.schemas.base import Frozen
from promptlab.schemas.template import Place, Template

PATTERN = r"^[A-Za-z_][A-Za-z0-9_-]{0,99}$"


class Metric(Frozen, ABC):
    """What all metrics of a pipeline have. A kind is told by its key, which says what it is made of."""

    key: ClassVar[str]

    name: str = Field(pattern=PATTERN)

    def templates(self) -> Iterator[tuple[Place, Template]]:
        """Give its templates, and where the file says them."""
        yield from ()

    def as_source(self) -> dict[str, JSON]:
        """Give it as a file says it; of kinds that name no file."""
        return {"name": self.name}
