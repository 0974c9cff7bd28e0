"""The command that goes on with what a run left."""

import shlex
from collections.abc import Collection, Iterator, Mapping

from promptlab.core.json import JSON

_FLAGS = {"inputs": "-i", "sets": "--set", "variants": "--variant", "tags": "--tag", "outs": "--out"}
_NOT_AGAIN = ("fresh", "as_json")  # what was answered is recalled


def command_again(path: str, options: Mapping[str, JSON], *, without: Collection[str] = ()) -> str:
    """Write the `run` of a pipeline with the options that were said, as a shell takes it."""
    words = ["promptlab", "run", path]
    for name, value in options.items():
        if name not in (*_NOT_AGAIN, *without):
            flag = _FLAGS.get(name, f"--{name.replace('_', '-')}")
            words += _said(flag, value)
    return shlex.join(words)


def _said(flag: str, value: JSON) -> Iterator[str]:
    if value is True:
        yield flag
        return
    for item in value if isinstance(value, list) else [value]:
        yield flag
        yield "=".join(map(str, item)) if isinstance(item, list) else str(item)
