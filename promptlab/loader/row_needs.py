"""What steps need of a value that a row alone decides: a list, a value of a type, an address."""

import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Final, Protocol

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON, as_text
from promptlab.schemas.dataset import InputSpec

__all__ = ["AddressNeed", "InputNeed", "ListNeed", "Path", "RowNeed"]

NOWHERE: Final = object()
ORIGIN: Final = re.compile(r"https?://[^/?#]+")
HARMLESS: Final = re.compile(r"(?=/|$)(?:(?!/\.)[\w./~=&?,:@+!$'()*;-])*", re.ASCII)

type Path = tuple[str, ...]
"""An input of the row, and the keys below it."""


class RowNeed(Protocol):
    @property
    def step(self) -> str:
        """The path of the step."""
        ...

    def is_told_by(self, typed: Collection[Path]) -> bool:
        """Whether the types of inputs tell it already, before any row is read."""
        ...

    def fault(self, inputs: Mapping[str, JSON]) -> str | None:
        """Say why the step surely errors for a row with these inputs; None where that is not sure."""
        ...


@frozen
class ListNeed:
    """A `foreach` over a value as it stands in the row; `source`: its expression."""

    step: str
    path: Path
    source: str

    def is_told_by(self, typed: Collection[Path]) -> bool:
        return self.path in typed

    def fault(self, inputs: Mapping[str, JSON]) -> str | None:
        from promptlab.engine.steps.foreach import list_objection  # noqa: PLC0415 - there with the step

        value = _at(inputs, self.path)
        return None if value is NOWHERE else list_objection(value, self.source)  # type: ignore[arg-type]


@frozen
class InputNeed:
    """A value of the row that a step gives a pipeline at `called`, as its input `name`."""

    step: str
    path: Path
    called: str
    name: str
    spec: InputSpec

    def is_told_by(self, typed: Collection[Path]) -> bool:
        return self.path in typed and self.spec.enum is None

    def fault(self, inputs: Mapping[str, JSON]) -> str | None:
        from promptlab.engine.sub_pipeline import misfit  # noqa: PLC0415 - there with the step

        value = _at(inputs, self.path)
        if value is NOWHERE:
            return None
        problem = misfit(value, self.spec)  # type: ignore[arg-type]
        return None if problem is None else f"the input '{self.name}' of {self.called} {problem}"


@frozen
class AddressNeed:
    """The `url` of a request, of literal text and values of the row; `origin`: what the text fixes."""

    step: str
    pieces: tuple[str | Path, ...]
    origin: str | None

    def is_told_by(self, typed: Collection[Path]) -> bool:  # noqa: ARG002 - any text may be wrong
        return False

    def fault(self, inputs: Mapping[str, JSON]) -> str | None:
        address = self._rendered(inputs)
        if address is None:
            return None
        begin = ORIGIN.match(address)
        if begin is None or HARMLESS.fullmatch(address, begin.end()) is None:
            return _fault_of_address(address, self.origin)
        return None if begin[0] == self.origin else _fault_of_address(begin[0], self.origin)

    def _rendered(self, inputs: Mapping[str, JSON]) -> str | None:
        values = [piece if isinstance(piece, str) else _at(inputs, piece) for piece in self.pieces]
        if any(value is NOWHERE or value is None for value in values):
            return None
        return "".join(map(as_text, values)).strip()  # type: ignore[arg-type]


@lru_cache(maxsize=1024)
def _fault_of_address(address: str, origin: str | None) -> str | None:
    from promptlab.engine.web import final_url  # noqa: PLC0415 - there with the step

    try:
        final_url(address, (), origin=origin)
    except ValueError as error:
        return f"http.url: {error}"
    return None


def _at(inputs: Mapping[str, JSON], path: Path) -> object:
    """Give the value at a path; NOWHERE where there is none, or only a template knows what stands there."""
    value: object = inputs
    for part in path:
        value = value.get(part, NOWHERE) if isinstance(value, Mapping) else NOWHERE
    return value
