"""What we use of a YAML parser's events; their marks count from 0 and are always there."""

from collections.abc import Mapping
from typing import Any, Protocol, cast

import yaml

__all__ = [
    "AliasEvent",
    "CollectionEvent",
    "DocumentEvent",
    "Event",
    "Mark",
    "NodeEvent",
    "Parser",
    "ScalarEvent",
]

Parser = cast("Any", getattr(yaml, "CSafeLoader", yaml.SafeLoader))


class Mark(Protocol):
    line: int
    column: int
    index: int


class Event(Protocol):
    start_mark: Mark
    end_mark: Mark


class AliasEvent(Event, Protocol):
    anchor: str


class NodeEvent(Event, Protocol):
    anchor: str | None
    tag: str | None


class CollectionEvent(NodeEvent, Protocol):
    flow_style: bool


class ScalarEvent(NodeEvent, Protocol):
    value: str
    style: str | None


class DocumentEvent(Event, Protocol):
    tags: Mapping[str, str] | None
