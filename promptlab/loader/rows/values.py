"""Values of a row's inputs: of their type, in their enum, never converted."""

from typing import TYPE_CHECKING

from promptlab.core.display import shown
from promptlab.core.json import JSON
from promptlab.loader.json_reader import loads
from promptlab.loader.json_scanner import JsonFaultError
from promptlab.loader.problems import did_you_mean
from promptlab.loader.rows.record import RowFault
from promptlab.loader.source_text import SourceText
from promptlab.schemas.dataset import InputSpec, InputType
from promptlab.schemas.history import fault_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ABSENT", "Absent", "InputReader", "is_of_type", "same_value"]

READ_AS_JSON = frozenset({"integer", "number", "boolean", "array", "object"})
TEXTUAL = frozenset({"string", "any"})
EXAMPLES: dict[InputType, str] = {
    "integer": "a whole number, as 3",
    "number": "a number, as 0.5",
    "boolean": "true or false",
    "array": "a list, as [1, 2]",
    "object": 'an object, as {"a": 1}',
    "messages": 'a list of messages, as [{"role": "user", "content": "Hi"}]',
    "string": "text",
    "image": "the path of an image in the project, as data/photo.png",
    "file": "the path of a file in the project, as data/report.pdf",
}


class Absent:
    """Stands for a value that a row does not have."""


ABSENT = Absent()
TYPES: dict[InputType, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
    "messages": list,
    "any": object,
    "image": str,
    "file": str,
}


class InputReader:
    """Reads one input from the raw value of its column."""

    def __init__(self, name: str, spec: InputSpec, *, cells_are_text: bool) -> None:
        self.name = name
        self.spec = spec
        self._text = cells_are_text
        self._as_json = cells_are_text and spec.type in READ_AS_JSON
        self._empty_is_absent = cells_are_text and (spec.type != "string" or not spec.required)
        self._texts = _texts_of(spec)
        self.read: Callable[[JSON], JSON | Absent] = self._read_text if self._plain_text() else self._read

    def _plain_text(self) -> bool:
        return self.spec.type == "string" and self.spec.enum is None and self.spec.required

    def _read_text(self, raw: JSON) -> JSON | Absent:
        return raw if type(raw) is str else self._read(raw)

    def _read(self, raw: JSON) -> JSON | Absent:
        if raw is None or (raw == "" and self._empty_is_absent):
            return ABSENT
        value = self._parsed(str(raw)) if self._as_json else raw
        if value is None:
            return ABSENT
        if not is_of_type(self.spec.type, value):
            raise self._wrong_type(value)
        if self.spec.type == "messages" and isinstance(value, list):
            self._check_messages(value)
        self._check_enum(value)
        return value

    def _parsed(self, text: str) -> JSON:
        try:
            return loads(SourceText("", text))
        except JsonFaultError as fault:
            example = EXAMPLES[self.spec.type]
            message = f"'{self.name}' must be {example}, but the cell has {shown(text)}"
            raise RowFault(message, code="type", column=self.name, hint=f"as JSON: {fault}") from None

    def _wrong_type(self, value: JSON) -> RowFault:
        expected = EXAMPLES.get(self.spec.type, self.spec.type)
        message = f"'{self.name}' must be {expected}, not {shown(value)}"
        hint = "quote it" if self.spec.type in TEXTUAL and not isinstance(value, dict | list) else None
        if self.spec.type == "messages" and self._text:
            hint = "a CSV cell is text: write the rows as JSONL"
        return RowFault(message, code="type", column=self.name, hint=hint)

    def _check_messages(self, messages: list[JSON]) -> None:
        fault = fault_of(messages)
        if fault is not None:
            text = f"message {fault.number} of '{self.name}' {fault}"
            raise RowFault(text, code="messages", column=self.name, hint=fault.hint)

    def _check_enum(self, value: JSON) -> None:
        enum = self.spec.enum
        if enum is None or (isinstance(value, str) and value in self._texts):
            return
        if not any(same_value(value, one) for one in enum):
            hint = did_you_mean(value, self._texts)() if isinstance(value, str) else None
            listed = ", ".join(shown(one) for one in enum[:12])
            message = f"'{self.name}' must be one of {listed}, not {shown(value)}"
            raise RowFault(message, code="enum", column=self.name, hint=hint)


def is_of_type(kind: InputType, value: JSON) -> bool:
    """Whether a value is of an input's type as it is; null is of none but `any`."""
    if isinstance(value, bool):
        return kind in {"boolean", "any"}
    return isinstance(value, TYPES[kind])


def same_value(left: JSON, right: JSON) -> bool:
    """Equality of JSON: true is not 1, but 1 is 1.0."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return left == right


def _texts_of(spec: InputSpec) -> frozenset[str]:
    return frozenset(one for one in spec.enum or () if isinstance(one, str))
