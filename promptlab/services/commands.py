"""The command that goes on with what a run left."""

import shlex
from collections.abc import Iterator, Mapping

from promptlab.core.json import JSON

_FLAGS = {"inputs": "-i", "sets": "--set", "variants": "--variant", "tags": "--tag", "outs": "--out"}
_NOT_AGAIN = ("fresh", "as_json")  # what was answered is recalled


def command_again(path: str, options: Mapping[str, JSON]) -> str:
    """Write the `run` of a pipeline with the options that were said, as a shell takes it."""
    words = ["promptlab", "run", path]
    for name, value in options.items():
        if name not in _NOT_AGAIN:
            flag = _FLAGS.get(name, f"--{name.replace('_', '-')}")
            words += _said(flag, value)
    return shlex.join(words)


def resume_command(run_id: str, *, max_cost: bool = False) -> str:
    """Write the `resume` of a run; with `max_cost` it leaves the amount to be said."""
    return f"promptlab resume {run_id}{' --max-cost USD' if max_cost else ''}"


def _said(flag: str, value: JSON) -> Iterator[str]:
    if value is True:
        yield flag
        return
    for item in value if isinstance(value, list) else [value]:
        yield flag
        yield "=".join(map(str, item)) if isinstance(item, list) else str(item)
