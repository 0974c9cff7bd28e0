"""Where the text of a pipeline names templates; also of one that does not load."""

from collections.abc import Iterator

from promptlab.core.json import JSON

PROMPT = "prompt"
NO_STEPS = (
    "inputs",
    "dataset",
    "with",
    "params",
    "messages",
    "checks",
    "metrics",
    "outputs",
    "http",
    "output",
)

type PromptPlace = tuple[str | None, str]  # a step's id, where it has one, and the path that it names


def prompt_places(value: JSON, step: str | None = None) -> Iterator[PromptPlace]:
    """Give the templates that steps name as their `prompt`: inside loops, variants and axes too."""
    if isinstance(value, list):
        for inner in value:
            yield from prompt_places(inner, step)
    elif isinstance(value, dict):
        own = value.get("id")
        for key, inner in value.items():
            yield from _named(key, inner, own if isinstance(own, str) else step)


def _named(key: str, value: JSON, step: str | None) -> Iterator[PromptPlace]:
    if key == PROMPT and isinstance(value, str):
        yield step, value
    elif key.endswith(f".{PROMPT}") and isinstance(value, list):  # an axis
        yield from ((key.split(".")[-2], one) for one in value if isinstance(one, str))
    elif key not in NO_STEPS:
        yield from prompt_places(value, key)
