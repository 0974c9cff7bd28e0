"""XML as expat reads it, without document types and the entities that they define."""

import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import field
from itertools import count
from typing import NoReturn
from xml.parsers.expat import ExpatError, ParserCreate

from promptlab.core.frozen import slotted

MOST_TAGS = 30_000  # that are looked at one by one: 50 ms
_NAME = r"[A-Za-z_:\u00c0-\U000effff][-.\w:]*+"
_MARKUP = re.compile(
    rf"<(?:(?P<skip>!--|!\[CDATA\[|\?)|(?P<close>/?)(?P<name>{_NAME})"
    r"""(?:[^<>"']++|"[^"<]*+"|'[^'<]*+')*+>)"""
)
_ENDS = {"!--": "-->", "![CDATA[": "]]>", "?": "?>"}


class NotXml(ValueError):
    """A text that is no well-formed XML, or has a document type; the message says why."""


class TooManyTags(Exception):
    """A text with too many tags to be looked at one by one."""

    def __init__(self) -> None:
        super().__init__(f"has more than {MOST_TAGS:,} tags, too many to be looked at")


def read_xml(text: str, wanted: Collection[str]) -> set[str]:
    """Give those of the wanted elements (`order.item`) that a document has. Raises NotXml, TooManyTags."""
    elements = _Elements(wanted)
    parser = ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse
    if wanted:
        parser.StartElementHandler = elements.begin
        parser.EndElementHandler = elements.end
    try:
        parser.Parse(text, True)
    except ExpatError as error:
        message = str(error).partition(": line ")[0]
        raise NotXml(f"{message} (line {error.lineno}, column {error.offset + 1})") from None
    except UnicodeEncodeError:
        raise NotXml("half of a surrogate pair") from None
    return elements.found


def _refuse(*_: object) -> NoReturn:
    raise NotXml("it has a document type, which is refused")


@slotted
class _Elements:
    """Notes which of the wanted elements begin; paths deeper than any of them are not made."""

    wanted: Collection[str]
    found: set[str] = field(default_factory=set)
    paths: list[str] = field(default_factory=list)
    depth: int = 0
    count: int = 0
    deepest: int = field(init=False)

    def __post_init__(self) -> None:
        self.deepest = max((path.count(".") + 1 for path in self.wanted), default=0)

    def begin(self, name: str, attributes: object) -> None:  # noqa: ARG002 - as expat calls it
        self.depth += 1
        self.count += 1
        if self.count > MOST_TAGS:
            raise TooManyTags
        if self.depth > self.deepest:
            return
        path = f"{self.paths[-1]}.{name}" if self.paths else name
        self.paths.append(path)
        if path in self.wanted:
            self.found.add(path)

    def end(self, name: str) -> None:  # noqa: ARG002 - as expat calls it
        if self.depth <= self.deepest:
            self.paths.pop()
        self.depth -= 1


def elements_in(text: str) -> list[tuple[int, int]]:
    """Give where the outermost elements stand whose tags match. Raises TooManyTags."""
    found: list[tuple[int, int]] = []
    opened: list[tuple[str, int]] = []
    names: Counter[str] = Counter()
    for kind, name, start, end in _tags(text):
        if kind == "open":
            opened.append((name, start))
            names[name] += 1
        elif kind == "empty":
            found.append((start, end))
        elif names[name]:
            begun = _closed(opened, names, name)
            if begun is not None:
                while found and found[-1][0] > begun:
                    found.pop()
                found.append((begun, end))
    return found


def _closed(opened: list[tuple[str, int]], names: Counter[str], name: str) -> int | None:
    """Close an element and all that is open inside it; give where it began, unless something was."""
    for inside in count():
        last, begun = opened.pop()
        names[last] -= 1
        if last == name:
            return begun if inside == 0 else None
    raise AssertionError("count() does not end")


def _tags(text: str) -> Iterator[tuple[str, str, int, int]]:
    """Give the tags outside comments and the like: open, close or empty; the name; from where to where."""
    position, endless = 0, set[str]()
    for number in count():
        match = _MARKUP.search(text, position)
        if match is None:
            return
        if number >= MOST_TAGS:
            raise TooManyTags
        position = match.end()
        if (skip := match["skip"]) is not None:
            ending = -1 if skip in endless else text.find(_ENDS[skip], position)
            endless.update((skip,) if ending < 0 else ())
            position = max(ending, position)
            continue
        kind = "close" if match["close"] else "empty" if text[position - 2] == "/" else "open"
        yield kind, match["name"], match.start(), position
