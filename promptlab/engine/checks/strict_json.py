"""JSON as its standard says it: no NaN, no comments; of a key that stands twice the last counts."""

import json
import re
from collections.abc import Iterator
from typing import Any

from promptlab.core.json import JSON, finite

BUDGET = 4_000_000  # characters read in search of JSON inside a text
_DEEP = 100_000  # what a try that ends in too deep a nesting is charged
_FOUND = 4_000  # what looking at a value that was found is charged
_FIRST_PIECE = 2_000
_TRY = 500  # what any try is charged
_EDGE = 16  # an error this near the end of a piece may come from the cut
_CANDIDATE = re.compile(r'\{(?=\s*["}])|\[(?=\s*[\[\]{"\-0-9tfn])')


class NotJson(ValueError):
    """A text that is no JSON; the message says why."""


class SearchedTooLong(Exception):
    """A text too entangled to be searched for JSON."""


def _no_constant(name: str) -> Any:
    raise NotJson(f"{name} is no JSON")


def _whole_number(digits: str) -> int | float:
    try:
        return int(digits)
    except ValueError:
        return _number(digits)


def _number(digits: str) -> float:
    try:
        return finite(digits)
    except ValueError as error:
        raise NotJson(str(error)) from None


_decoder = json.JSONDecoder(parse_constant=_no_constant, parse_float=_number)
_decoder_of_long_numbers = json.JSONDecoder(
    parse_constant=_no_constant, parse_float=_number, parse_int=_whole_number
)


def read_json(text: str) -> JSON:
    """Read a text that is JSON from end to end. Raises NotJson."""
    try:
        return _read(text)
    except json.JSONDecodeError as error:
        raise NotJson(f"{error.msg} (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise NotJson("nested too deeply") from None


def _read(text: str) -> JSON:
    try:
        value: JSON = _decoder.decode(text)
    except (json.JSONDecodeError, NotJson):
        raise
    except ValueError:
        value = _decoder_of_long_numbers.decode(text)
    return value


def json_inside(text: str) -> Iterator[JSON]:
    """Give the objects and arrays that stand in a text. Raises SearchedTooLong.

    Square brackets around nothing or one number are taken for a footnote.
    """
    position, budget = 0, BUDGET
    while (found := _CANDIDATE.search(text, position)) is not None:
        value, position, cost = _try_at(text, found.start())
        if not _is_footnote(value):
            yield value
        budget -= cost
        if budget < 0:
            raise SearchedTooLong(f"gave up the search for JSON at character {position}")


def _try_at(text: str, start: int) -> tuple[JSON, int, int]:
    """Give what stands at `start` (an empty list for nothing), where to go on, and what the try cost.

    Tries ever longer pieces: an error's place is counted from the start of the text that was parsed.
    """
    size, cost = _FIRST_PIECE, _TRY
    while True:
        piece = text[start : start + size]
        cost += len(piece)
        try:
            value, end = _decoder_of_long_numbers.raw_decode(piece)
        except json.JSONDecodeError as error:
            cut = error.msg.startswith("Unterminated") or error.pos > len(piece) - _EDGE
            if cut and start + size < len(text) and cost <= BUDGET:
                size *= 8
                continue
            return [], start + 1, cost if cut else _TRY + error.pos
        except (NotJson, RecursionError):
            return [], start + 1, _DEEP
        return value, start + end, end + _FOUND


def _is_footnote(value: JSON) -> bool:
    if not isinstance(value, list):
        return False
    return not value or (len(value) == 1 and isinstance(value[0], int | float))
