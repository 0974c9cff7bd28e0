"""Answers from a file as trials of one step, with what is known of their calls."""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from typing import Any

from promptlab.core.json import JSON, as_text
from promptlab.engine.plan import Cell
from promptlab.engine.stored import StoredPlan, StoredTrial
from promptlab.loader.answers import Answer, AnswerFile
from promptlab.loader.grading import STEP
from promptlab.schemas.dataset import Row
from promptlab.schemas.run import StepResult, TrialKey

SHOWN_STEP = "answer"  # what results call the step
ANSWERS = "assistant"
CALLS_ONLY = "calls"  # the role of what called tools in nobody knows how many turns


def plan_of_answers(file: AnswerFile, cell: Cell, count: int) -> StoredPlan:
    """Give answers from a file as trials of one step."""
    return StoredPlan(
        pipeline=str(file.path),
        cells=(cell,),
        rows=lambda: iter(()),
        row_count=count,
        source=lambda: _trials(file, cell),
    )


def _trials(file: Iterable[Answer], cell: Cell) -> Iterator[StoredTrial]:
    for answer in file:
        key = TrialKey(row=answer.index, row_id=answer.id, cell=cell.name)
        yield StoredTrial(key, _row(answer), cell, {STEP: _made(answer)})


def _row(answer: Answer) -> Row:
    return Row(
        answer.index,
        answer.id,
        answer.columns,
        answer.columns,
        answer.line,
        tuple(answer.ours.get("$tags") or ()),
        answer.checks,
        no_checks=answer.no_checks,
    )


def _made(answer: Answer) -> StepResult:
    facts, said = answer.facts, tuple(_said(answer))
    return StepResult(
        id=SHOWN_STEP,
        status="passed",
        output=answer.output,
        messages=said,
        said=len(said),
        cost_usd=facts.get("cost_usd"),
        latency_ms=facts.get("latency_ms"),
        finish_reason=facts.get("finish_reason"),
        logprobs=tuple(facts["logprobs"]) if "logprobs" in facts else None,
    )


def _said(answer: Answer) -> Iterator[Mapping[str, JSON]]:
    """Give the turns of the model, the output as the last; all calls of tools are put into the first."""
    turns = _turns(answer.columns.get("messages"))
    given = answer.facts.get("tool_calls") or [call for turn in turns for call in _calls_in(turn)]
    calls: list[JSON] = [_call(index, call) for index, call in enumerate(given)]
    texts = [*[""] * (len(turns) - 1), as_text(answer.output)]
    role = ANSWERS if turns or not calls else CALLS_ONLY
    for number, text in enumerate(texts):
        said: dict[str, JSON] = {"role": role, "content": text}
        yield {**said, "tool_calls": calls} if calls and number == 0 else said


def _turns(messages: Any) -> list[dict[str, Any]]:
    """Give what the model said after the last message of a user, if these are the messages of a chat.

    The output is one more turn, where what a tool gave stands last.
    """
    if not isinstance(messages, list) or not all(_is_message(message) for message in messages):
        return []
    after: list[Any] = list(takewhile(lambda message: message["role"] != "user", reversed(messages)))
    turns = [message for message in reversed(after) if message["role"] == ANSWERS]
    return [*turns, {"role": ANSWERS}] if after and after[0]["role"] != ANSWERS else turns


def _calls_in(turn: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    calls = turn.get("tool_calls")
    return (call for call in (calls if isinstance(calls, list) else ()) if isinstance(call, dict))


def _is_message(message: Any) -> bool:
    return isinstance(message, dict) and isinstance(message.get("role"), str)


def _call(index: int, call: Mapping[str, Any]) -> JSON:
    """Read a call of a tool as OpenAI writes it, or as a map of name and arguments."""
    function = call.get("function")
    said = function if isinstance(function, dict) else call
    arguments = said.get("arguments", {})
    return {
        "id": str(call.get("id", f"call-{index}")),
        "name": str(said.get("name", "")),
        "arguments": arguments if isinstance(arguments, str) else json.dumps(arguments),
    }
