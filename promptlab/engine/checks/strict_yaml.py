"""YAML 1.2 without duplicate keys, read into JSON values by its core schema; one value a document."""

import math
import re
from collections.abc import Iterator
from dataclasses import field
from typing import Any, Final

from promptlab.core.frozen import slotted
from promptlab.core.json import JSON

MOST_EVENTS = 15_000  # of the parser: 50 ms
DEEPEST = 100
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_WORDS: Final[dict[str, JSON]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_TEXT_TAGS = frozenset(("!", "tag:yaml.org,2002:str"))
_MOST_DIGITS = 4_000


class NotYaml(ValueError):
    """A text that is no YAML; the message says why."""


class TooMuchYaml(Exception):
    """A text with too many parts to be parsed."""

    def __init__(self) -> None:
        super().__init__(f"has more than {MOST_EVENTS:,} parts, too many to be parsed as YAML")


def read_yaml(text: str) -> list[JSON]:
    """Read the documents of a text. Raises NotYaml, TooMuchYaml."""
    import yaml  # noqa: PLC0415 - few pipelines ask for it

    events = _Events(text)
    documents: list[JSON] = []
    try:
        while (event := events.take()) is not None:
            if isinstance(event, yaml.DocumentStartEvent):
                documents.append(_Document(events).value(events.take_one(), 0))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""
        raise NotYaml(f"{error.problem or error.context}{where}") from None
    except (yaml.YAMLError, UnicodeError):
        raise NotYaml("it has a character that YAML does not take") from None
    finally:
        events.close()
    return documents


class _Events:
    """The events of a text, one after the other, no more of them than can be read at once."""

    def __init__(self, text: str) -> None:
        import yaml  # noqa: PLC0415

        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            self._loader = loader(text)
        except (yaml.YAMLError, UnicodeError):
            raise NotYaml("it has a character that YAML does not take") from None
        self._left = MOST_EVENTS

    def take(self) -> Any:
        self._left -= 1
        if self._left < 0:
            raise TooMuchYaml
        return self._loader.get_event()

    def take_one(self) -> Any:
        """Give an event where there must be one."""
        event = self.take()
        if event is None:
            raise NotYaml("it ends too early")
        return event

    def close(self) -> None:
        self._loader.dispose()


@slotted
class _Document:
    """Makes the value of a document; an alias stands for the very value of its anchor."""

    events: _Events
    anchors: dict[str, JSON] = field(default_factory=dict)

    def value(self, event: Any, depth: int) -> JSON:
        import yaml  # noqa: PLC0415

        if depth > DEEPEST:
            raise NotYaml("nested too deeply")
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                raise NotYaml(f"nothing before it is called &{event.anchor}{_place(event)}")
            return self.anchors[event.anchor]
        made = self._made(event, depth)
        if event.anchor is not None:
            self.anchors[event.anchor] = made
        return made

    def _made(self, event: Any, depth: int) -> JSON:
        import yaml  # noqa: PLC0415

        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return [self.value(item, depth + 1) for item in self._until(yaml.SequenceEndEvent)]
        return self._mapping(depth)

    def _mapping(self, depth: int) -> JSON:
        import yaml  # noqa: PLC0415

        made: dict[str, JSON] = {}
        for key in self._until(yaml.MappingEndEvent):
            if not isinstance(key, yaml.ScalarEvent):
                raise NotYaml(f"a key that is no word{_place(key)}")
            if key.value in made:
                raise NotYaml(f"a key stands twice{_place(key)}")
            if key.anchor is not None:
                self.anchors[key.anchor] = key.value
            made[key.value] = self.value(self.events.take_one(), depth + 1)
        return made

    def _until(self, end: type) -> Iterator[Any]:
        while not isinstance(event := self.events.take_one(), end):
            yield event


def _place(event: Any) -> str:
    return f" (line {event.start_mark.line + 1}, column {event.start_mark.column + 1})"


def _scalar(event: Any) -> JSON:
    text: str = event.value
    if not event.implicit[0] or event.tag in _TEXT_TAGS:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text) and len(text) < _MOST_DIGITS:
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text
