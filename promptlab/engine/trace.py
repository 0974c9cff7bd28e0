"""How a step came about, as checks and metrics see it: tries, turns, calls of tools, and why it ended."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from promptlab.core.json import JSON, plain
from promptlab.engine.finish_reasons import reason_of
from promptlab.engine.scope import step_names
from promptlab.schemas.run import StepResult

TRACE: Final = "trace"
PARTS: Final = ("attempts", "retries", "recalled", "finish_reason", "turns", "tool_calls")


def traced_names(result: StepResult) -> dict[str, JSON]:
    """Give what checks and metrics see of a finished step: what other steps see, and its trace."""
    return {**step_names(result), TRACE: trace_of(result)}


class TracedSteps(Mapping[str, Mapping[str, JSON]]):
    """What checks see of finished steps by their ids; made once something names one."""

    def __init__(self, results: Mapping[str, StepResult]) -> None:
        self._results = results
        self._made: dict[str, Mapping[str, JSON]] = {}

    def __getitem__(self, step: str) -> Mapping[str, JSON]:
        if step not in self._made:
            self._made[step] = traced_names(self._results[step])
        return self._made[step]

    def __contains__(self, step: object) -> bool:
        return step in self._results

    def __iter__(self) -> Iterator[str]:
        return iter(self._results)

    def __len__(self) -> int:
        return len(self._results)


def trace_of(result: StepResult) -> dict[str, JSON]:
    """Give the trace of a step; what is counted is so with the steps inside it.

    `attempts` are requests that this run sent, `retries` those of them after the first of a call.
    """
    steps = result.flat
    return {
        "attempts": sum(step.attempts for step in steps),
        "retries": sum(max(0, call.attempts - 1) for step in steps for call in step.calls),
        "recalled": _is_recalled(steps),
        "finish_reason": None if result.finish_reason is None else reason_of(result.finish_reason),
        "turns": sum(map(turns_in, steps)),
        "tool_calls": [call for step in steps for call in tool_calls_of(step)],
    }


def said_by(step: StepResult) -> Sequence[Mapping[str, JSON]]:
    """Give what came after the messages of a step's own, its answer included."""
    return step.messages[len(step.messages) - step.said :]


def turns_in(step: StepResult) -> int:
    """Count the answers of the step's own model."""
    return sum(message.get("role") == "assistant" for message in said_by(step))


def tool_calls_of(step: StepResult) -> Iterator[JSON]:
    """Give the tools that the step's model called, in order, each with what it was told of it."""
    waiting: list[dict[str, JSON]] = []
    for message in said_by(step):
        if message["role"] == "tool":
            yield waiting.pop(0) | {"result": message["content"]}
        else:
            yield from waiting
            waiting = [_call(call) for call in message.get("tool_calls") or ()]  # type: ignore[union-attr]
    yield from waiting


def _is_recalled(steps: Sequence[StepResult]) -> bool:
    """Say whether models were asked before this run alone."""
    asking = [step for step in steps if any(not call.tool for call in step.calls)]
    return bool(asking) and all(step.recalled for step in asking)


def _call(call: Any) -> dict[str, JSON]:
    try:
        arguments: JSON = json.loads(call["arguments"])
        plain(arguments)  # NaN and 1e999 are read, but are no JSON
    except (ValueError, RecursionError):
        arguments = call["arguments"]
    return {"name": call["name"], "arguments": arguments}
