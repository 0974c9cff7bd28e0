"""Arguments of the functions that programs call, held to what they can mean."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from promptlab.core.errors import UsageError
from promptlab.core.suggest import did_you_mean

MOST_AT_ONCE = 1000

type _Wanted = tuple[str, Callable[[Any], bool]]


def refuse_unknown(arguments: Mapping[str, object], known: type) -> None:
    """Raise TypeError for an argument that there is not: a misspelt limit must not run without one."""
    names = getattr(known, "__annotations__", {})
    for name in arguments:
        if name not in names:
            hint = did_you_mean(name, names)
            raise TypeError(f"there is no argument '{name}'{f'; {hint}' if hint else ''}")


def refuse_wrong(arguments: Mapping[str, object]) -> None:
    """Raise UsageError for a value that its argument cannot mean, as the command line does."""
    for name, (wanted, is_right) in _WANTED.items():
        value = arguments.get(name)
        if value is not None and not is_right(value):
            raise UsageError(f"{name} must be {wanted}, not {value!r}")


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_amount(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


def _is_list_of_texts(value: object) -> bool:
    if isinstance(value, str) or not isinstance(value, Sequence):
        return False
    return all(isinstance(item, str) for item in value)


_WHOLE: _Wanted = ("a whole number above 0", _is_whole)
_NAMES: _Wanted = ("a list of names", _is_list_of_texts)
_WANTED: Mapping[str, _Wanted] = {
    "limit": _WHOLE,
    "repeat": _WHOLE,
    "max_concurrency": (
        "a whole number from 1 to 1,000",
        lambda value: _is_whole(value) and value <= MOST_AT_ONCE,
    ),
    "max_cost": ("a number above 0", _is_amount),
    "mode": ("'live', 'record' or 'replay'", ("live", "record", "replay").__contains__),
    "on_unknown": ("'retry' or 'fail'", ("retry", "fail").__contains__),
    "variants": _NAMES,
    "tags": _NAMES,
    "since": ("the name of a commit", lambda value: isinstance(value, str)),
    "note": ("text", lambda value: isinstance(value, str)),
}
