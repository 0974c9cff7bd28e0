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
ENCODE = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


class RowIds:
    """Gives each row its id; holds some 100 bytes a row to see that none comes twice.

    Where they are known to be `distinct`, all of them said by the rows, it holds nothing.
    """

    def __init__(self, *, distinct: bool = False) -> None:
        self.all_said = True
        self._distinct = distinct
        self._seen: set[str | bytes] = set()
        self._equal: dict[str, int] = {}

    def named(self, values: Mapping[str, JSON]) -> str | None:
        """The id that a row says itself; raises RowFault where it is none, or taken."""
        column = "$id" if "$id" in values else "id"
        if column not in values:
            return None
        found = self._text(column, values[column])
        if not self._distinct and not self._take(found):
            hint = "ids compare as text; give each row its own"
            raise RowFault(
                f"the id {shown(found)} is there twice", code="duplicate-id", column=column, hint=hint
            )
        return found

    def hashed(self, inputs: Mapping[str, JSON]) -> str:
        """An id made of what the row gives to the inputs; equal rows are numbered."""
        self.all_said = False
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
        key = text if len(text) <= SHORT else hashlib.blake2b(text.encode(), digest_size=16).digest()
        before = len(self._seen)
        self._seen.add(key)
        return len(self._seen) > before


def _is_number(value: JSON) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
