"""Where the files of a stored run say a check, a step or a gate."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from posixpath import dirname, join, normpath

from promptlab.core.json import JSON
from promptlab.engine.ruling import free_name
from promptlab.loader.cells import cell_sources
from promptlab.loader.decoding import DecodingError, decode
from promptlab.loader.document import Document, parse_yaml
from promptlab.loader.nodes import Path, Place
from promptlab.loader.overlay import merged
from promptlab.loader.problems import Problems
from promptlab.schemas.report import GateResult
from promptlab.schemas.run import everywhere

__all__ = ["Written"]

BOUNDS = ("metric", "min", "max", "max_drop", "max_rise")


class Written:
    """The files of a run as they were, by path; `path` is that of its pipeline.

    Places are None where they are not known.
    What cannot be found is sought at the nearest that can: a row's own check at `dataset`, say.
    """

    def __init__(self, path: str, files: Mapping[str, bytes]) -> None:
        self._path = path
        self._files = files
        self._document = cache(self._read)
        self._cell = cache(self._laid)

    def check(self, cell: str, step: str | None, name: str) -> Place | None:
        """Where a check is written; `step` is the path of the step at which it stands."""
        document = self._cell(cell)
        if document is None:
            return None
        if step is None:
            return _check(document, (), name) or document.place(("dataset",))
        found = self._step(document, step)
        return None if found is None else self._check_at(*found, name)

    def step(self, cell: str, step: str) -> Place | None:
        """Where a step of any depth begins."""
        document = self._cell(cell)
        found = None if document is None else self._step(document, step)
        return None if found is None else found[0].place((*found[1], "id"))

    def gate(self, result: GateResult) -> Place | None:
        """Where the gate is written that gave a result."""
        document = self._top
        if document is None:
            return None
        said = _items(document.value, "gates")
        fitting = [index for index, gate in enumerate(said) if _fits(gate, result)]
        return document.place(("gates", *fitting[:1]))

    @cached_property
    def _top(self) -> Document | None:
        return self._document(self._path)

    def _read(self, path: str) -> Document | None:
        content = self._files.get(path)
        try:
            return None if content is None else parse_yaml(path, decode(content), Problems())
        except DecodingError:
            return None

    def _laid(self, cell: str) -> Document | None:
        """Give the pipeline with what a cell lays over it."""
        if self._top is None:
            return None
        sources = {source.name: source for source in cell_sources(self._top, Problems())}
        source = sources.get(cell)
        return self._top if source is None else merged(self._top, source.overrides, Problems())

    def _step(self, document: Document, path: str) -> tuple[Document, Path] | None:
        """Give the document that has a step, and its path there."""
        at: Path = ()
        names = everywhere(path).replace("[]", "").split(".")
        for depth, name in enumerate(names):
            index = _index(document, at, name)
            if index is None:
                return None
            at = (*at, "steps", index)
            called = self._called(document, at)
            if called is not None and depth < len(names) - 1:
                document, at = called, ()
        return document, at

    def _called(self, document: Document, at: Path) -> Document | None:
        """Give the pipeline that a step calls."""
        part = document.part((*at, "pipeline"))
        if part is None or not isinstance(part.value, str):
            return None
        beside = join(dirname(document.file), part.value)
        return self._document(normpath(part.value)) or self._document(normpath(beside))

    def _check_at(self, document: Document, at: Path, name: str) -> Place:
        """Look at the checks of a step, then at those of the pipeline that it calls."""
        called = self._called(document, at)
        inner = None if called is None else _check(called, (), name)
        return _check(document, at, name) or inner or document.place((*at, "id"))


def _index(document: Document, at: Path, name: str) -> int | None:
    part = document.part(at)
    steps = _items(None if part is None else part.value, "steps")
    found = (index for index, step in enumerate(steps) if isinstance(step, dict) and step.get("id") == name)
    return next(found, None)


def _check(document: Document, at: Path, name: str) -> Place | None:
    part = document.part(at)
    checks = _items(None if part is None else part.value, "checks")
    index = next((index for index, known in enumerate(_names(checks)) if known == name), None)
    return None if index is None else document.place((*at, "checks", index))


def _names(checks: Sequence[JSON]) -> Iterator[str]:
    """Give what the checks of a list are called: their own names, else the type, then type-2 …"""
    said = [check.get("name") if isinstance(check, dict) and "type" in check else None for check in checks]
    taken = {name for name in said if isinstance(name, str)}
    for check, name in zip(checks, said, strict=True):
        yield name if isinstance(name, str) else free_name(_type(check), taken)


def _type(check: JSON) -> str:
    if not isinstance(check, dict):
        return str(check)
    return str(check["type"]) if "type" in check else next(iter(check), "")


def _items(value: JSON, key: str) -> list[JSON]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def _fits(gate: JSON, result: GateResult) -> bool:
    if not isinstance(gate, dict) or any(gate.get(key) != getattr(result, key) for key in BOUNDS):
        return False
    return gate.get("variant") in (None, result.cell, result.cell.partition(" ")[0])
