"""Datasets and rows: what a pipeline declares, and what reading gives."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Literal

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.schemas.template import Template

__all__ = ["INPUT_TYPES", "PATH_TYPES", "DataFormat", "DatasetSpec", "InputSpec", "InputType", "Row"]

type InputType = Literal[
    "string", "integer", "number", "boolean", "array", "object", "any", "messages", "image", "file"
]
type DataFormat = Literal["csv", "jsonl", "json", "yaml", "parquet"]

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


@frozen
class InputSpec:
    """What a prompt may use of a row under one name; `default` counts only where it is not required."""

    type: InputType = "any"
    enum: tuple[JSON, ...] | None = None
    default: JSON = None
    required: bool = True


@frozen
class DatasetSpec:
    """Data files below the project root: one, or all that a pattern matches.

    Without `format` the suffix says it. Rows are taken for which `where` holds, of these `sample` (a number
    of rows, below 1 a share) by a hash of `seed` and their ids, of these the first `limit`.
    """

    path: str
    format: DataFormat | None = None
    limit: int | None = None
    where: Template | None = None
    sample: float | None = None
    seed: int = 0


@frozen
class Row:
    """One row as it was read.

    `index` counts from 0 over all that the dataset has, `line` from 1 in its `file`. `inputs` holds the
    declared inputs, typed, with defaults; `columns` every column but ours, as it was read, without those that
    are null; `checks` the row's own checks, not interpreted; `no_checks` says why these are none.
    """

    index: int
    id: str
    inputs: Mapping[str, JSON]
    columns: Mapping[str, JSON]
    line: int
    tags: tuple[str, ...] = ()
    checks: Sequence[JSON] = field(default=())
    file: str = ""
    no_checks: str | None = None
