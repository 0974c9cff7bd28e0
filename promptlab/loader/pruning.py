"""Takes away what is wrong in a pipeline, so that the rest of it can still be looked at."""

from collections.abc import Iterable
from copy import deepcopy

from promptlab.core.json import JSON
from promptlab.loader.diagnosis import Location

HARMLESS_CHECK = "is-json"


def pruned(value: JSON, places: Iterable[Location]) -> JSON:
    """Give a copy without what stands at these places; where a step is wrong as a whole it stays."""
    rest = deepcopy(value)
    for place in places:
        _prune(rest, place)
    return rest


def _prune(value: JSON, place: Location) -> None:
    parent: JSON = value
    for depth, part in enumerate(place):
        if isinstance(parent, dict) and part == "checks" and len(place) > depth + 1:
            _replace_check(parent["checks"], place[depth + 1])
            return
        if isinstance(parent, dict) and (
            depth == len(place) - 1 or _ends_in_list(parent, part, place, depth)
        ):
            parent.pop(str(part), None)
            return
        parent = parent[part] if isinstance(parent, dict | list) else None  # type: ignore[index,call-overload]


def _ends_in_list(parent: dict[str, JSON], part: str | int, place: Location, depth: int) -> bool:
    """Whether the place leads into a list that is not one of steps."""
    return part != "steps" and isinstance(parent.get(str(part)), list) and depth < len(place) - 1


def _replace_check(checks: JSON, index: str | int) -> None:
    """Keep the number of checks, so that places stay true."""
    if isinstance(checks, list) and isinstance(index, int) and index < len(checks):
        checks[index] = HARMLESS_CHECK
