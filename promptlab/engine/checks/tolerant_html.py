"""HTML read as forgivingly as browsers do, in one pass over its tags."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import field
from itertools import count

from promptlab.core.frozen import frozen, slotted

MOST_TAGS = 30_000  # that are looked at one by one: 70 ms

_EVERYDAY = """
html head body div span p a img h1 h2 h3 h4 h5 h6 ul ol li table tr td th form input button script style
link meta br hr
"""
_OTHERS = """
title base article section nav aside header footer address hgroup search pre blockquote dl dt dd figure
figcaption main em strong small s cite q dfn abbr ruby rt rp data time code var samp kbd sub sup i b u mark
bdi bdo wbr iframe embed object param picture source video audio track map area svg math noscript canvas ins
del caption colgroup col tbody thead tfoot label select datalist optgroup option textarea output progress
meter fieldset legend details summary dialog menu slot template
"""
_VOID = "area base br col embed hr img input link meta param source track wbr"
EVERYDAY = frozenset(_EVERYDAY.split())
ELEMENTS = EVERYDAY | frozenset(_OTHERS.split())
VOID = frozenset(_VOID.split())
VERBATIM = frozenset(("script", "style", "textarea", "title"))

_OPENING = re.compile(r"<([A-Za-z][A-Za-z0-9-]*+)(?:\s[^<>]*+)?/?>")
_CLOSING = re.compile(r"</([A-Za-z][A-Za-z0-9-]*+)\s*>")
_DOCTYPE = re.compile(r"<!doctype\s+html\b", re.IGNORECASE)
_BEGINNING = re.compile(r"<(?:(?P<comment>!--)|(?P<other>[!?])|(?P<close>/?)(?P<name>[A-Za-z][^\s/>]*+))")
_REST = re.compile(r"""(?:[^>=]++|=\s*+(?:"[^"]*+"|'[^']*+')?+)*+>""")
_ENDS_OF = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in sorted(VERBATIM)}


class TooManyTags(Exception):
    """A text with too many tags to be looked at one by one."""

    def __init__(self) -> None:
        super().__init__(f"has more than {MOST_TAGS:,} tags, too many to be looked at")


def tags_in(text: str) -> str | None:
    """Give the name of an element whose tags stand in a text, or None."""
    if _DOCTYPE.search(text) is not None:
        return "html"
    opened = {name.lower() for name in set(_OPENING.findall(text))}
    closed = {name.lower() for name in set(_CLOSING.findall(text))}
    return min(opened & EVERYDAY | {name for name in opened & closed if _is_element(name)}, default=None)


def html_fault(text: str) -> str | None:
    """Say why a text is not HTML from end to end, or None where it is. Raises TooManyTags."""
    if not text.strip():
        return "it is empty"
    if text.lstrip()[:5].lower() == "<?xml":
        return "it is XML"
    page = _Page(text)
    for tag in _tags(text):
        page.take(tag)
        if page.has_text_outside:
            break
    page.end()
    if page.has_text_outside:
        return "text stands outside its elements"
    return None if page.has_element else "it has no element of HTML"


@frozen
class _Tag:
    """A tag from `start` to `end`; a comment or the like has no name."""

    name: str
    closes: bool
    start: int
    end: int


@slotted
class _Page:
    """Keeps which elements are open, and looks at the text where none is."""

    text: str
    opened: list[str] = field(default_factory=list)
    names: Counter[str] = field(default_factory=Counter)
    has_element: bool = False
    has_text_outside: bool = False
    _position: int = 0

    def take(self, tag: _Tag) -> None:
        self._look_outside(tag.start)
        self._position = tag.end
        if tag.closes:
            self._close(tag.name)
        elif tag.name:
            self.has_element = self.has_element or _is_element(tag.name)
            if tag.name not in VOID:
                self.opened.append(tag.name)
                self.names[tag.name] += 1

    def end(self) -> None:
        self._look_outside(len(self.text))

    def _look_outside(self, end: int) -> None:
        if not self.opened and self.text[self._position : end].strip():
            self.has_text_outside = True

    def _close(self, name: str) -> None:
        """Close an element with all that is open inside it, if it is open."""
        last = None
        while self.names[name] and last != name:
            last = self.opened.pop()
            self.names[last] -= 1


def _tags(text: str) -> Iterator[_Tag]:
    """Give the tags of a text, comments and the like among them; one that does not end is text."""
    position = 0
    for number in count():
        match = _BEGINNING.search(text, position)
        if match is None:
            return
        if number >= MOST_TAGS:
            raise TooManyTags
        end = _end_of(text, match)
        if end is None:
            return
        name, position = (match["name"] or "").lower(), end
        yield _Tag(name, bool(match["close"]), match.start(), position)
        if name in VERBATIM and not match["close"]:
            ending = _ENDS_OF[name].search(text, position)
            position = len(text) if ending is None else ending.start()


def _end_of(text: str, beginning: re.Match[str]) -> int | None:
    if beginning["name"] is not None:
        rest = _REST.match(text, beginning.end())
        return None if rest is None else rest.end()
    closing = "-->" if beginning["comment"] else ">"
    end = text.find(closing, beginning.end())
    return None if end < 0 else end + len(closing)


def _is_element(name: str) -> bool:
    return name in ELEMENTS or "-" in name
