"""Checks that look for several texts: all of them, or any."""

import re
from typing import Any, ClassVar

from promptlab.core.json import JSON
from promptlab.engine.check import Finding, Subject, ValueCheck, shown, some_text

_ITEM = re.compile(r'\s*"((?:[^"]|"")*)"\s*(?:,|$)|([^,]+)(?:,|$)')


class _TextsCheck(ValueCheck):
    """The value is a list, or one text with commas (`a, "b, c"`)."""

    fold: ClassVar[bool] = False

    @classmethod
    def parse(cls, value: JSON) -> tuple[tuple[str, str], ...]:
        items = _split(value) if isinstance(value, str) else value
        if not isinstance(items, list) or not items:
            raise ValueError("must be a list of texts, or one text with commas")
        texts = [some_text(item) for item in items]
        return tuple((text, text.casefold() if cls.fold else text) for text in texts)

    def sought(self, value: Any, subject: Subject) -> tuple[list[str], list[str]]:
        """Give the texts that were found, and those that were not."""
        output = subject.folded if self.fold else subject.text
        found: list[str] = []
        missing: list[str] = []
        for text, wanted in value:
            (found if wanted in output else missing).append(text)
        return found, missing


class ContainsAll(_TextsCheck):
    """All of the texts stand in the output.

    The value is a list, or one text with commas (`a, "b, c"`).
    """

    def compare(self, value: Any, subject: Subject) -> Finding:
        found, missing = self.sought(value, subject)
        reason = f"does not contain {_listed(missing)}" if missing else f"contains {_listed(found)}"
        return Finding.of(passed=not missing, reason=reason)


class ContainsAny(_TextsCheck):
    """At least one of the texts stands in the output.

    The value is a list, or one text with commas (`a, "b, c"`).
    """

    def compare(self, value: Any, subject: Subject) -> Finding:
        found, missing = self.sought(value, subject)
        reason = f"contains {_listed(found)}" if found else f"contains none of {_listed(missing)}"
        return Finding.of(passed=bool(found), reason=reason)


class IContainsAll(ContainsAll):
    """All of the texts stand in the output, upper and lower case the same.

    The value is a list, or one text with commas (`a, "b, c"`).
    """

    fold = True


class IContainsAny(ContainsAny):
    """At least one of the texts stands in the output, upper and lower case the same.

    The value is a list, or one text with commas (`a, "b, c"`).
    """

    fold = True


def _split(text: str) -> list[JSON]:
    items = [
        match[1].replace('""', '"') if match[1] is not None else match[2].strip()
        for match in _ITEM.finditer(text)
    ]
    return [item for item in items if item]


def _listed(texts: list[str]) -> str:
    more = f" and {len(texts) - 5} more" if len(texts) > 5 else ""  # noqa: PLR2004
    return ", ".join(map(shown, texts[:5])) + more
