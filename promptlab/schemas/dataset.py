"""What a row is and what a pipeline says of its rows (a stand-in until the loader's half lands)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from promptlab.core.json import JSON
from promptlab.schemas.base import Frozen


class InputSpec(Frozen):
    type: str = "any"


class DatasetSpec(Frozen):
    path: str | None = None
    rows: list[Any] | None = None


@dataclass(frozen=True, slots=True)
class Row:
    index: int
    id: str
    inputs: Mapping[str, JSON]
    columns: Mapping[str, JSON]
    tags: tuple[str, ...] = ()
    checks: tuple[Mapping[str, JSON], ...] = ()
    line: int | None = None
