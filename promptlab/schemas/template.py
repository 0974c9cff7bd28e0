"""A template as a value: what it is, its source, and the files that it may include."""

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import field
from functools import cached_property
from hashlib import sha256
from types import MappingProxyType
from typing import Literal

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON

type TemplateKind = Literal["prompt", "text", "value", "expression"]

WORD = re.compile(r"[^\W\d]\w*")
NO_LIBRARY: Mapping[str, str] = MappingProxyType({})


@frozen(slots=False)
class Template:
    """A piece of Jinja.

    `prompt` renders to messages, `text` to a string, `value` to a string or, where it is one single
    `{{ expression }}`, to that value; `expression` is Jinja without braces and gives a value.
    """

    kind: TemplateKind
    source: str
    name: str
    library: Mapping[str, str] = field(default_factory=lambda: NO_LIBRARY, compare=False)

    @cached_property
    def key(self) -> str:
        """The identity of the compiled template: kind, name, source and library."""
        state = sha256(f"{self.kind}\0{self.name}\0{self.source}".encode("utf-8", "surrogatepass"))
        for name in sorted(self.library):
            state.update(f"\0{name}\0{self.library[name]}".encode("utf-8", "surrogatepass"))
        return state.hexdigest()

    @cached_property
    def words(self) -> frozenset[str]:
        """All that could be a name in the template or in what it may include."""
        return frozenset(WORD.findall("\n".join((self.source, *self.library.values()))))


def is_templated(source: str) -> bool:
    """Say whether a string holds anything that Jinja would act on."""
    return "{{" in source or "{%" in source or "{#" in source


type Place = tuple[str | int, ...]


@frozen
class TemplatedValue:
    """A JSON value some of whose strings are templates; `holes` says where, in order."""

    source: JSON
    holes: tuple[tuple[Place, Template], ...] = ()

    @classmethod
    def of(cls, source: JSON, *, name: str) -> "TemplatedValue":
        return cls(source, tuple(_holes(source, (), name)))

    @classmethod
    def literal(cls, source: JSON) -> "TemplatedValue":
        """Give a value whose strings are taken as they are."""
        return cls(source)

    def filled(self, values: Sequence[JSON]) -> JSON:
        """Give the value with each hole replaced by its rendered value, in the order of `holes`."""
        if self.holes and self.holes[0][0] == ():
            return values[0]
        result = deepcopy(self.source)
        for (place, _), value in zip(self.holes, values, strict=True):
            _put(result, place, value)
        return result


def _holes(value: JSON, place: Place, name: str) -> Iterator[tuple[Place, Template]]:
    if isinstance(value, str) and is_templated(value):
        yield place, Template("value", value, ".".join((name, *map(str, place))))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _holes(item, (*place, key), name)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _holes(item, (*place, index), name)


def _put(target: JSON, place: Place, value: JSON) -> None:
    for key in place[:-1]:
        target = target[key]  # type: ignore[index]
    target[place[-1]] = value  # type: ignore[index]
