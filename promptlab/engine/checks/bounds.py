"""A number of things, or the bounds of one, as `word-count` and `turns` take it."""

import re

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON

_WHOLE = re.compile(r"\s*[0-9]{1,9}\s*")


@frozen
class Bounds:
    least: int | None
    most: int | None

    def hold(self, count: int) -> bool:
        return (self.least is None or count >= self.least) and (self.most is None or count <= self.most)

    def __str__(self) -> str:
        if self.least == self.most:
            return str(self.least)
        if self.most is None:
            return f"at least {self.least}"
        return f"at most {self.most}" if self.least is None else f"{self.least} to {self.most}"


def read_bounds(value: JSON, things: str) -> Bounds:
    """Read a number, or `{min, max}` with one of them or both. Raises ValueError that says what is wrong."""
    if not isinstance(value, dict):
        count = _whole(value, "it", things)
        return Bounds(count, count)
    if not value or not value.keys() <= {"min", "max"}:
        raise ValueError("must be a number, or a map of `min` and `max`")
    least, most = (_whole(value[key], key, things) if key in value else None for key in ("min", "max"))
    if least is not None and most is not None and least > most:
        raise ValueError("`min` is above `max`, so that no output can do")
    return Bounds(least, most)


def _whole(value: JSON, name: str, things: str) -> int:
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and value.is_integer() and value >= 0:
        return int(value)
    raise ValueError(f"{name} must be a whole number of {things}, or a map of `min` and `max`")
