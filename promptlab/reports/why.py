"""Why a step was called rather than recalled, in words."""

from collections.abc import Iterator, Sequence

from promptlab.core.display import shortened
from promptlab.core.json import as_text
from promptlab.schemas.explained import Cause, Change
from promptlab.schemas.run import _Missing

VALUE = 40
ALONE: dict[Cause, str] = {
    "answer": "answer of",
    "with": "with of",
    "foreach": "foreach of",
    "errored": "no answer before",
    "pruned": "its answer was deleted",
    "skipped": "was skipped before",
    "fresh": "--fresh",
    "recall": "",
    "check": "its",
    "messages": "messages, and nothing that they are known to be made of",
    "unknown": "not on record",
    "params": "",
    "model": "",
}
NEW = {"run": "first run", "item": "new item", "step": "new step"}


def why(changes: Sequence[Change]) -> str:
    """Give what changed in words: `template prompts/sort.j2; params.temperature 0 → 0.7`."""
    return "; ".join(map(_words, changes))


def _words(change: Change) -> str:
    return " ".join(_parts(change))


def _parts(change: Change) -> Iterator[str]:
    if change.cause == "new":
        yield NEW.get(change.what, f"new {change.what}")
        return
    yield from filter(None, (ALONE.get(change.cause, change.cause), change.what))
    if change.has_values:
        yield f"{_value(change.old)} → {_value(change.new)}"


def _value(value: object) -> str:
    return "unset" if isinstance(value, _Missing) else shortened(as_text(value), VALUE)  # type: ignore[arg-type]
