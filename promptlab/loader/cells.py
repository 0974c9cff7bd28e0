"""Variants × matrix: which overrides make which cell, and what the cell is called."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import field
from itertools import product

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON, as_text
from promptlab.loader.document import Document
from promptlab.loader.overlay import override
from promptlab.loader.problems import Problems

FIXED = ("version", "name", "inputs", "dataset", "variants", "matrix", "repeat", "gates", "limits")
VARIANT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
BASE = "base"
MOST_CELLS = 1000


@frozen
class CellSource:
    """A cell before it is validated: its name and the overrides that make it, the first laid first.

    `axes` are sorted by name.
    """

    variant: str
    axes: dict[str, JSON] = field(default_factory=dict)
    overrides: tuple[Document, ...] = ()

    @property
    def name(self) -> str:
        axes = (f"{name}={as_text(value)}" for name, value in self.axes.items())
        return " ".join((self.variant, *axes))


@frozen
class _Point:
    """One value of an axis."""

    axis: str
    label: JSON
    override: Document


def cell_sources(document: Document, problems: Problems) -> list[CellSource]:
    """Give the cells of a pipeline's document in the order in which variants and axes are written."""
    variants: list[tuple[str, Document | None]] = [*_variants(document, problems)] or [(BASE, None)]
    axes = list(_axes(document, problems))
    if len(variants) * _size(axes) > MOST_CELLS:
        message = f"variants × matrix make more than {MOST_CELLS:,} cells"
        document.report(problems, ("matrix",), message, code="too-many-cells", key=True)
        return []
    cells = [_cell(name, overrides, points) for name, overrides in variants for points in product(*axes)]
    return _refuse_alike(document, cells, problems)


def _cell(name: str, overrides: Document | None, points: Sequence[_Point]) -> CellSource:
    layers = () if overrides is None else (overrides,)
    return CellSource(
        name,
        {point.axis: point.label for point in sorted(points, key=lambda point: point.axis)},
        (*layers, *(point.override for point in points)),
    )


def _size(axes: list[list[_Point]]) -> int:
    size = 1
    for axis in axes:
        size *= max(len(axis), 1)
    return size


def _variants(document: Document, problems: Problems) -> Iterator[tuple[str, Document]]:
    for name in _keys(document, "variants", problems):
        path = ("variants", name)
        part = document.part(path)
        if not VARIANT_NAME.fullmatch(name):
            message = f"'{name}' cannot be the name of a variant"
            hint = "use letters, digits, '.', '_' and '-'"
            document.report(problems, path, message, code="name", hint=hint, key=True)
        elif part is not None and _may_override(document, path, problems):
            yield name, part


def _axes(document: Document, problems: Problems) -> Iterator[list[_Point]]:
    names = _axis_names(_keys(document, "matrix", problems))
    for key, name in names.items():
        value = document.part(("matrix", key))
        if value is None:
            continue
        if isinstance(value.value, list):
            points = list(_listed(document, key, name, problems))
        elif isinstance(value.value, dict):
            points = list(_named(document, key, name, problems))
        else:
            points = []
        if points:
            yield points
        else:
            hint = "write `params.temperature: [0, 0.7]`, or `llm: {small: {model: …}, …}`"
            message = f"the axis '{key}' needs a list of values or a map of overrides"
            document.report(problems, ("matrix", key), message, code="axis", hint=hint)


def _listed(document: Document, key: str, name: str, problems: Problems) -> Iterator[_Point]:
    """Give the points of a dotted path with a list of values."""
    values = document.part(("matrix", key))
    if key.split(".", maxsplit=1)[0] in FIXED:
        _refuse_fixed(document, ("matrix", key), key.split(".", maxsplit=1)[0], problems)
    for index, label in enumerate(values.value if values is not None else ()):  # type: ignore[arg-type]
        part = document.part(("matrix", key, index))
        if part is not None:
            yield _Point(name, label, override(key, part))


def _named(document: Document, key: str, name: str, problems: Problems) -> Iterator[_Point]:
    """Give the points of a name with a map of overrides."""
    values = document.part(("matrix", key))
    for label in values.value if values is not None else ():  # type: ignore[union-attr]
        path = ("matrix", key, str(label))
        part = document.part(path)
        if part is not None and _may_override(document, path, problems):
            yield _Point(name, label, part)


def _axis_names(keys: list[str]) -> dict[str, str]:
    """A dotted axis is called by its last part, by its whole path where two would be alike."""
    last = [key.rpartition(".")[2] for key in keys]
    return {key: key if last.count(short) > 1 else short for key, short in zip(keys, last, strict=True)}


def _keys(document: Document, section: str, problems: Problems) -> list[str]:
    value = document.value
    found = value.get(section) if isinstance(value, dict) else None
    if found is None or isinstance(found, dict):
        return list(found or ())
    document.report(problems, (section,), f"{section} must be a map", code="type")
    return []


def _refuse_alike(document: Document, cells: list[CellSource], problems: Problems) -> list[CellSource]:
    """Report cells that would have the same name, so that nobody could tell them apart."""
    names = Counter(cell.name for cell in cells)
    for name, count in names.items():
        if count > 1:
            message = f"{count} cells have the same name, '{name}'"
            hint = "give each axis different values; name them where their texts are alike"
            document.report(problems, ("matrix",), message, code="axis", hint=hint, key=True)
    return cells if len(names) == len(cells) else []


def _may_override(document: Document, path: tuple[str, ...], problems: Problems) -> bool:
    part = document.part(path)
    value = part.value if part is not None else None
    fixed = [key for key in (value if isinstance(value, dict) else ()) if key.split(".")[0] in FIXED]
    for key in fixed:
        _refuse_fixed(document, (*path, key), key, problems)
    return not fixed


def _refuse_fixed(document: Document, path: tuple[str, ...], key: str, problems: Problems) -> None:
    message = f"'{key}' cannot be overridden: it is the same in all cells"
    document.report(problems, path, message, code="fixed-key", key=True)
