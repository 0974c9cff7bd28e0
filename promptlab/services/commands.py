"""The commands that go on with what a run left."""

import shlex
from collections.abc import Collection, Iterator, Mapping

from promptlab.core.json import JSON
from promptlab.schemas.report import UNRECORDED

_FLAGS = {"inputs": "-i", "sets": "--set", "variants": "--variant", "tags": "--tag", "outs": "--out"}
_NOT_AGAIN = ("fresh", "as_json")  # what was answered is recalled
OF_MONEY = ("(limits.cost_usd)", "(--max-cost)")  # in the reason why a run stopped
_USED_UP = (*OF_MONEY, "(limits.requests)", "(limits.total_tokens)")


def command_on(run_id: str, path: str | None, options: Mapping[str, JSON], reason: str | None) -> str:
    """Write what goes on as it stands: a resume, or where a limit of the run is used up, another run.

    Where recordings lack, that is what records them.
    """
    if path and (reason or "").startswith(UNRECORDED):
        return update_command(path)
    is_used_up = any(limit in (reason or "") for limit in _USED_UP)
    return command_again(path, options) if path and is_used_up else resume_command(run_id)


def command_again(path: str, options: Mapping[str, JSON], *, without: Collection[str] = ()) -> str:
    """Write the `run` of a pipeline with the options that were said, as a shell takes it."""
    words = ["promptlab", "run", path]
    for name, value in options.items():
        if name not in (*_NOT_AGAIN, *without):
            flag = _FLAGS.get(name, f"--{name.replace('_', '-')}")
            words += _said(flag, value)
    return shlex.join(words)


def command_anew(run_id: str, path: str | None, options: Mapping[str, JSON]) -> str | None:
    """Write the run that asks anew what did not pass; None where nothing but its recordings answer."""
    if path is None or options.get("mode") == "replay":
        return None
    again = command_again(path, options, without=("failed", "outs", "note"))
    return f"{again} --failed {run_id} --fresh"


def resume_command(run_id: str) -> str:
    return f"promptlab resume {run_id}"


def update_command(path: str) -> str:
    return shlex.join(("promptlab", "recordings", "update", path))


def check_command(run_id: str, *options: str) -> str:
    return " ".join(("promptlab check", run_id, *options))


def _said(flag: str, value: JSON) -> Iterator[str]:
    if value is True:
        yield flag
        return
    for item in value if isinstance(value, list) else [value]:
        yield flag
        yield "=".join(map(str, item)) if isinstance(item, list) else str(item)
