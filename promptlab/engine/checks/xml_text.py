"""`is-xml` and `contains-xml`, with the elements that must be there as value if wanted."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

from promptlab.core.json import JSON
from promptlab.engine.check import CannotJudge, Finding, OptionalValueCheck, Subject
from promptlab.engine.checks.strict_xml import NotXml, TooManyTags, elements_in, read_xml

type Paths = frozenset[str]


class _XmlCheck(OptionalValueCheck):
    @classmethod
    def parse(cls, value: JSON) -> Paths:
        listed = value.get("requiredElements") if isinstance(value, dict) and len(value) == 1 else value
        paths = listed.split(",") if isinstance(listed, str) else listed if listed is not None else []
        if not isinstance(paths, list) or (value is not None and not paths):
            raise ValueError(_FORMS)
        return frozenset(map(_path, paths))

    def compare(self, value: Any, subject: Subject) -> Finding:
        try:
            return self.look(value, subject)
        except TooManyTags as error:
            raise CannotJudge(str(error)) from None

    @abstractmethod
    def look(self, required: Paths, subject: Subject) -> Finding: ...


class IsXml(_XmlCheck):
    """The whole text is one well-formed XML document; white space around it does not matter.

    The value, if there is one, is a list of elements that must be in it, each as the names from the root to
    it with dots between them (`order.item.price`): a list, one text with commas, or `{requiredElements:
    […]}`. A document type (`<!DOCTYPE …>`), with which entities are defined, is refused, so that nothing is
    expanded or fetched. Attributes, namespaces and schemas are not looked at.
    """

    def look(self, required: Paths, subject: Subject) -> Finding:
        try:
            found = read_xml(subject.text.strip(), required)
        except NotXml as error:
            return Finding.of(passed=False, reason=f"is not XML: {error}")
        return _with_all(required, found, "is XML")


class ContainsXml(_XmlCheck):
    """A well-formed XML element stands somewhere in the text, with all that is in it.

    The value, if there is one, is a list of elements as for `is-xml`. They may be spread over several
    elements of the text; a path begins at the outermost element of each.
    """

    def look(self, required: Paths, subject: Subject) -> Finding:
        found: set[str] = set()
        fragments = 0
        for inside in _fragments(subject.text, required):
            fragments += 1
            found |= inside
            if required <= found:
                break
        if not fragments:
            return Finding.of(passed=False, reason="contains no XML")
        return _with_all(required, found, "contains XML")


_FORMS = "must be a list of elements (`order.item`), one text with commas, or `{requiredElements: […]}`"


def _path(value: JSON) -> str:
    path = value.strip() if isinstance(value, str) else ""
    if not path:
        raise ValueError(_FORMS)
    return path


def _fragments(text: str, required: Paths) -> Iterator[set[str]]:
    """Give which of the required elements each well-formed element of a text holds."""
    for start, end in elements_in(text):
        try:
            yield read_xml(text[start:end], required)
        except NotXml:
            continue


def _with_all(required: Paths, found: set[str], holds: str) -> Finding:
    missing = sorted(required - found)
    if missing:
        return Finding.of(passed=False, reason=f"{holds} without the elements {', '.join(missing[:5])}")
    return Finding.of(passed=True, reason=holds + (" with the required elements" if required else ""))
