"""Undefined values: strict by default, chainable below the output of a step that has none."""

from collections.abc import Iterable
from typing import Never

from jinja2.exceptions import UndefinedError
from jinja2.runtime import StrictUndefined, Undefined
from jinja2.utils import missing

LONGEST_LIST = 12


class Missing(StrictUndefined):
    """An undefined name or attribute; using it says what is known instead."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint:
            return self._undefined_hint
        if self._undefined_obj is missing:
            return f"'{self._undefined_name}' is not defined"
        return _no_such_part(self._undefined_obj, self._undefined_name)

    def _refuse(self, *_: object) -> Never:
        raise UndefinedError(self._undefined_message)

    __index__ = __abs__ = __round__ = __reversed__ = _refuse  # what Jinja's own does not refuse


class Absent(Missing):
    """The output of a step that has none: undefined, and so is everything below it."""

    __slots__ = ()

    def __getattr__(self, name: str) -> "Absent":
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, key: object) -> "Absent":  # type: ignore[override]
        return self


PREVIOUS = "previous"
FIRST_ITEM = {
    PREVIOUS: Absent(
        "there is no previous item here; test `previous is defined`, or use previous | default('…')"
    )
}


class Conversation(list[object]):
    """The messages of a step, whose roles our own templates gave; a part of it is a plain list again."""


class Step(dict[str, object]):
    """A step as templates see it; its missing output or messages remember why."""

    __slots__ = ("id",)

    def __init__(self, step: str, view: dict[str, object]) -> None:
        super().__init__(view)
        self.id = step
        if isinstance(messages := view.get("messages"), list):
            self["messages"] = Conversation(messages)

    def absent(self, part: str) -> Missing:
        """Return what stands for a part that this step does not have."""
        if part not in {"output", "messages"}:
            return Missing(obj=self, name=part)
        state = self.get("status", "not run")
        return Absent(f"step '{self.id}' was {state}, it has no {part}; use {self.id}.{part} | default('…')")


def refuse_undefined(values: Iterable[object]) -> None:
    """Raise for the first undefined value among these, or in a list among them."""
    for value in values:
        if isinstance(value, Undefined):
            str(value)
        elif isinstance(value, list | tuple):
            refuse_undefined(value)


def unknown_name(error: UndefinedError, name: str, known: list[str]) -> str:
    """Return the message for an undefined name, with what is known instead."""
    return f"{error.message}; {_advice(name, 'known', known)}"


def _no_such_part(owner: object, part: object) -> str:
    if isinstance(owner, Step):
        return f"step '{owner.id}' has no '{part}'; {_listing('it has', [*{*owner, 'output', 'messages'}])}"
    if isinstance(owner, dict):
        known = [str(key) for key in owner]
        return f"the object has no '{part}'; {_advice(str(part), 'it has', known)}"
    kind = {str: "string", list: "list", bool: "boolean", type(None): "null"}.get(type(owner), "value")
    if isinstance(part, int):
        return f"the {kind} has no element {part}"
    return f"a {kind} has no '{part}'"


def _advice(name: str, intro: str, known: list[str]) -> str:
    from promptlab.core.suggest import suggest  # noqa: PLC0415 - only on errors

    near = suggest(name, known)
    return f"did you mean '{near}'?" if near else _listing(intro, known)


def _listing(intro: str, names: list[str]) -> str:
    shown = ", ".join(sorted(names)[:LONGEST_LIST]) or "nothing"
    return f"{intro}: {shown}{', …' if len(names) > LONGEST_LIST else ''}"
