"""Datasets and rows: what a pipeline declares, and what reading gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from promptlab.core.json import JSON

__all__ = ["INPUT_TYPES", "PATH_TYPES", "DataFormat", "DatasetSpec", "InputSpec", "InputType", "Row"]

type InputType = Literal[
    "string", "integer", "number", "boolean", "array", "object", "any", "messages", "image", "file"
]
type DataFormat = Literal["csv", "jsonl", "json", "yaml"]

INPUT_TYPES: tuple[InputType, ...] = (
    "string",
    "integer",
    "number",
    "boolean",
    "array",
    "object",
    "any",
    "messages",
    "image",
    "file",
)
PATH_TYPES = ("image", "file")
"""Inputs whose values are paths of files in the project."""


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What a prompt may use of a row under one name; `default` counts only where it is not required."""

    type: InputType = "any"
    enum: tuple[JSON, ...] | None = None
    default: JSON = None
    required: bool = True


@dataclass(frozen=True, slots=True)
class DatasetSpec:
    """A data file below the project root; without `format` its suffix says it."""

    path: str
    format: DataFormat | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it was read.

    `index` counts from 0, `line` from 1 in the file. `inputs` holds the declared inputs, typed, with
    defaults; `columns` every column but ours, as it was read, without those that are null; `checks` the
    row's own checks, not interpreted.
    """

    index: int
    id: str
    inputs: Mapping[str, JSON]
    columns: Mapping[str, JSON]
    line: int
    tags: tuple[str, ...] = ()
    checks: Sequence[JSON] = field(default=())
