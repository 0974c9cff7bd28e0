"""Takes away what is wrong in a pipeline, so that the rest of it can still be looked at."""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from promptlab.core.json import JSON
from promptlab.engine.catalog import STEPS
from promptlab.loader.diagnosis import Location

STEPS_INSIDE = "steps"
HARMLESS_CHECK = "is-json"
HARMLESS_MESSAGES: list[JSON] = [{"role": "user", "content": "-"}]
HARMLESS_CLASSES: dict[str, JSON] = {"classification": {"expected": "-", "actual": "-"}}
HARMLESS_MODEL = "echo/echo"


def pruned(value: JSON, places: Iterable[Location]) -> JSON:
    """Give a copy without what stands at these places; steps and checks keep theirs."""
    rest = deepcopy(value)
    for place in places:
        if place:
            _prune(rest, place)
    return rest


def _prune(value: Any, place: Location) -> None:
    if place == ("version",):
        value["version"] = 1
    elif place[0] == "inputs" and len(place) > 1:
        value["inputs"][place[1]] = {"default": None}
    elif place[0] == "metrics" and len(place) > 1:
        value["metrics"][int(place[1])] = _harmless_metric(value["metrics"][int(place[1])], place[1])
    elif "checks" in place[:-1]:
        _replace_check(value, place)
    elif (step := _unusable_step(place)) is not None:
        steps = _at(value, step[:-1])
        if isinstance(steps, list):
            steps[int(step[-1])] = _harmless(steps[int(step[-1])], step[-1])
    else:
        _remove(value, place)


def _unusable_step(place: Location) -> Location | None:
    """Give the step that the place is, or whose key that says what kind of step it is."""
    owner = _innermost_step(place)
    if owner is None or len(place) == len(owner) or place[len(owner)] in (STEPS_INSIDE, *STEPS.names()):
        return owner
    return None


def _innermost_step(place: Location) -> Location | None:
    """Give the step that the place is inside of, at any depth."""
    length = 0
    while place[length : length + 1] == ("steps",) and length + 1 < len(place):
        length += 2
    return place[:length] or None


def _harmless(step: JSON, index: str | int) -> JSON:
    own = step if isinstance(step, dict) else {}
    if own.get("messages") is HARMLESS_MESSAGES:
        return own
    kept = {key: item for key, item in own.items() if key in ("id", "output", "when", "needs")}
    model = {} if "prompt" in own or "messages" in own else {"model": HARMLESS_MODEL}
    return {"id": f"step_{index}", **kept, **model, "messages": HARMLESS_MESSAGES}


def _harmless_metric(metric: JSON, index: str | int) -> JSON:
    """Give a metric that gates may name all the same."""
    own = metric if isinstance(metric, dict) else {}
    name = own.get("name")
    kind: dict[str, JSON] = HARMLESS_CLASSES if "classification" in own else {"value": "0"}
    return {"name": name if isinstance(name, str) and name.isidentifier() else f"metric_{index}", **kind}


def _replace_check(value: Any, place: Location) -> None:
    at = place.index("checks")
    checks = _at(value, place[: at + 1])
    if isinstance(checks, list):
        checks[int(place[at + 1])] = HARMLESS_CHECK


def _remove(value: Any, place: Location) -> None:
    """Take away the last key on the way, with the list that the place may lead into."""
    last = max(index for index, part in enumerate(place) if isinstance(part, str))
    owner = _at(value, place[:last])
    if isinstance(owner, dict):
        owner.pop(str(place[last]), None)


def _at(value: Any, place: Location) -> Any:
    """Give what stands at a place; None where it was taken away before."""
    for part in place:
        there = part in value if isinstance(value, dict) else isinstance(value, list)
        value = value[part] if there else None
    return value
