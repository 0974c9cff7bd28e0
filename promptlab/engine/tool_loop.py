"""The loop of a step with tools: ask, run what is called, tell what came of it, ask again."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Protocol

from promptlab.core.frozen import frozen, slotted
from promptlab.core.json import JSON, as_text, canonical
from promptlab.core.suggest import did_you_mean
from promptlab.engine.completion import Answer, CallFailure, Completion
from promptlab.engine.conversation import Message, ToolCall
from promptlab.engine.function import Function
from promptlab.engine.json_schema import TooLarge, misfit
from promptlab.engine.tool import ProjectTool


class Table(Protocol):
    """Where both sides of the conversation sit."""

    async def complete(self, messages: tuple[Message, ...]) -> Answer: ...

    async def use(
        self, function: Function, arguments: Mapping[str, JSON], *, before: int
    ) -> JSON | CallFailure: ...


@frozen
class Talk:
    """A conversation and how it ended: with an answer, a failure, or (None) with too many turns."""

    messages: tuple[Message, ...]
    end: Completion | CallFailure | None


async def converse(
    table: Table, messages: tuple[Message, ...], tools: Sequence[ProjectTool], *, turns: int, earlier: int = 0
) -> Talk:
    """Ask at most `turns` times. The last `earlier` messages are what was said when it was asked before."""
    toolbox = _toolbox(table, messages[len(messages) - earlier :], tools) if tools else None
    for turn in range(1, turns + 1):
        answer = await table.complete(messages)
        if isinstance(answer, CallFailure):
            return Talk(messages, answer)
        messages = (*messages, Message("assistant", answer.text, answer.tool_calls))
        if toolbox is None or not answer.tool_calls:
            return Talk(messages, answer)
        if turn < turns:
            results = await toolbox.use_all(answer.tool_calls)
            if isinstance(results, CallFailure):
                return Talk(messages, results)
            messages = (*messages, *results)
    return Talk(messages, None)


def _toolbox(table: Table, earlier: Sequence[Message], tools: Sequence[ProjectTool]) -> "Toolbox":
    calls = [call for message in earlier for call in message.tool_calls]
    return Toolbox(table, {tool.name: tool for tool in tools}, Counter(map(_key, calls)))


class _Mistake(Exception):
    """A call that no tool can answer; the model is told so."""


@slotted
class Toolbox:
    """Runs what a model calls. `used` counts equal calls, so that a tool that is asked again is run again."""

    table: Table
    tools: Mapping[str, ProjectTool]
    used: Counter[str] = field(default_factory=Counter)

    async def use_all(self, calls: Sequence[ToolCall]) -> list[Message] | CallFailure:
        """Run all side by side; give what each said, or the failure that leaves them for a later run."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._use(call, self._count(call))) for call in calls]
        results = [task.result() for task in tasks]
        left = next((result for result in results if isinstance(result, CallFailure)), None)
        if left is not None:
            return left
        return [
            Message("tool", str(text), tool_call_id=call.id)
            for call, text in zip(calls, results, strict=True)
        ]

    def _count(self, call: ToolCall) -> int:
        """Give how many calls were equal to this one, and count it."""
        self.used[_key(call)] += 1
        return self.used[_key(call)] - 1

    async def _use(self, call: ToolCall, before: int) -> str | CallFailure:
        try:
            tool = self._tool(call.name)
            arguments = _arguments(tool, call)
        except _Mistake as mistake:
            return f"error: {mistake}"
        result = await self.table.use(tool.function, arguments, before=before)
        if not isinstance(result, CallFailure):
            return as_text(result)
        return result if result.left else f"error: {result.message}"

    def _tool(self, name: str) -> ProjectTool:
        if name not in self.tools:
            raise _Mistake(f"there is no tool '{name}'; {did_you_mean(name, self.tools)}".removesuffix("; "))
        return self.tools[name]


def _arguments(tool: ProjectTool, call: ToolCall) -> dict[str, JSON]:
    try:
        arguments = _parsed(call)
    except (ValueError, RecursionError) as error:
        raise _Mistake(f"the arguments of {call.name} are no JSON: {error}") from None
    if not isinstance(arguments, dict):
        raise _Mistake(f"the arguments of {call.name} are no JSON object")
    try:
        fault = misfit(tool.offered.parameters, arguments)
    except TooLarge as error:
        fault = str(error)
    if fault is not None:
        raise _Mistake(f"the arguments of {call.name} do not fit its schema: {fault}")
    return arguments


def _parsed(call: ToolCall) -> JSON:
    """Read the arguments; some servers write nothing where there are none. Raises ValueError."""
    value: JSON = json.loads(call.arguments.strip() or "{}")
    canonical(value)  # NaN and 1e999 are read, but are no JSON
    return value


def _key(call: ToolCall) -> str:
    try:
        return canonical([call.name, _parsed(call)])
    except (ValueError, RecursionError):
        return canonical([call.name, call.arguments])
