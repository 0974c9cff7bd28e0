"""What a row is called: `$id`, else its column `id`, else a hash of its inputs."""

import hashlib
import json
from collections.abc import Mapping

from promptlab.core.display import shown
from promptlab.core.json import JSON
from promptlab.loader.rows.record import RowFault

__all__ = ["RowIds"]

SHORT = 32
LONGEST = 500
HASH_LENGTH = 16
MOST_CONTESTED = 1000
ENCODE = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


class RowIds:
    """Gives each row its id; holds some 100 bytes a row to see that none comes twice.

    Where a reading before this one has found which ids are `contested`, it holds no others.
    """

    def __init__(self, contested: frozenset[str] | None = None) -> None:
        self._known = contested
        self._contested: set[str] = set()
        self._seen: set[str | bytes] = set()
        self._equal: dict[str, int] = {}

    @property
    def contested(self) -> frozenset[str] | None:
        """The ids that more than one row came to; None where they are too many to keep."""
        return None if len(self._contested) > MOST_CONTESTED else frozenset(self._contested)

    def named(self, values: Mapping[str, JSON]) -> str | None:
        """The id that a row says itself; raises RowFault where it is none, or taken."""
        column = "$id" if "$id" in values else "id"
        if column not in values:
            return None
        found = self._text(column, values[column])
        if not self._take(found):
            hint = "ids compare as text; give each row its own"
            raise RowFault(
                f"the id {shown(found)} is there twice", code="duplicate-id", column=column, hint=hint
            )
        return found

    def hashed(self, inputs: Mapping[str, JSON]) -> str:
        """An id made of what the row gives to the inputs; equal rows are numbered."""
        found = hashlib.sha256(ENCODE(inputs).encode()).hexdigest()[:HASH_LENGTH]
        if self._take(found):
            return found
        self._equal[found] = self._equal.get(found, 1) + 1
        numbered = f"{found}-{self._equal[found]}"
        return numbered if self._take(numbered) else self.hashed(inputs)

    def _text(self, column: str, value: JSON) -> str:
        if type(value) is int:
            return repr(value)
        text = value if isinstance(value, str) else repr(value) if _is_number(value) else None
        if value is None or (text is not None and not text.strip()):
            hint = "give each row an id, or remove the column"
            raise RowFault("an empty id", code="empty-id", column=column, hint=hint)
        if text is None or len(text) > LONGEST:
            message = f"an id must be a short text or a number, not {shown(value)}"
            raise RowFault(message, code="id", column=column, hint="name the row by `$id`")
        return text

    def _take(self, text: str) -> bool:
        if self._known is not None and text not in self._known:
            return True
        key = text if len(text) <= SHORT else hashlib.blake2b(text.encode(), digest_size=16).digest()
        before = len(self._seen)
        self._seen.add(key)
        is_free = len(self._seen) > before
        if not is_free and len(self._contested) <= MOST_CONTESTED:
            self._contested.add(text)
        return is_free


def _is_number(value: JSON) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
