"""The tool calls of a subject: what its models called, else what its output says in a vendor's form."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Literal

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON, canonical
from promptlab.engine.check import CannotJudge, Subject
from promptlab.engine.checks.strict_json import NotJson, read_json
from promptlab.engine.trace import said_by, turns_in
from promptlab.schemas.run import StepResult

type Form = Literal["tool_call", "function_call", "other"]

MOST_CALLS = 1_000
_NESTED: dict[str, Form] = {"function": "tool_call", "functionCall": "other"}
_OPENAI: frozenset[Form] = frozenset(("tool_call", "function_call"))


@frozen
class Call:
    """A call of a tool. `arguments` is what the model wrote: JSON text, or the value where it was no text.

    `form`: OpenAI's of today (`tool_calls`) or of before (`function_call`), which what a step's own model
    called has both; `other` is that of another vendor, or a bare `{name, arguments}` whose arguments are no
    text. `step`: whose model called it, if that is known.
    """

    name: str
    arguments: JSON
    forms: frozenset[Form]
    step: str | None = None

    def read_arguments(self) -> JSON:
        """Give the arguments as JSON. Raises NotJson."""
        if not isinstance(self.arguments, str):
            return self.arguments
        value = read_json(self.arguments.strip() or "{}")
        try:
            canonical(value)
        except ValueError:  # 1e999 is read, but is no JSON
            raise NotJson("a number is too large") from None
        return value


def calls_of(subject: Subject) -> tuple[Call, ...]:
    """Give the tool calls of a subject, in order.

    First come the calls of the steps that the value comes from, with those of the steps inside them, as the
    models made them after the steps' own prompts. Where there are none, the output is read: JSON in the form
    of a vendor (`read_calls`), or the text of such JSON. Raises CannotJudge where there are too many.
    """
    made = tuple(call for result in subject.results for step in result.flat for call in _made_by(step))
    return made or read_calls(_as_json(subject))


def turns_of(subject: Subject) -> int | None:
    """Count the answers of models, those of inner steps among them; None where no model was asked."""
    return sum(turns_in(step) for result in subject.results for step in result.flat) or None


def _made_by(step: StepResult) -> Iterator[Call]:
    for message in said_by(step):
        calls = message.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, dict):
                yield Call(str(call.get("name")), call.get("arguments"), _OPENAI, step.id)


def _as_json(subject: Subject) -> JSON:
    output = subject.output
    if not isinstance(output, str):
        return output
    if '"name"' not in output:  # a call has a name; reading a long text takes long
        return None
    try:
        return subject.once(read_json)
    except NotJson:
        return None


def read_calls(value: JSON) -> tuple[Call, ...]:
    """Read calls of tools: one or a list of them, in the form of OpenAI, Anthropic or Google.

    Raises CannotJudge where there are too many.
    """
    match value:
        case {"tool_calls": list(calls)} | {"toolCall": {"functionCalls": list(calls)}}:
            return _all(calls)
        case {"function_call": dict(call)}:
            return _all([call])
        case dict():
            return _all([value])
        case list():
            return _all(value)
    return ()


def _all(items: Sequence[JSON]) -> tuple[Call, ...]:
    found = (call for item in items if (call := _read(item)) is not None)
    calls = tuple(islice(found, MOST_CALLS + 1))
    if len(calls) > MOST_CALLS:
        raise CannotJudge(f"has more than {MOST_CALLS:,} calls, too many to be looked at")
    return calls


def _read(item: JSON) -> Call | None:
    if not isinstance(item, dict):
        return None
    for key, form in _NESTED.items():
        inner = item.get(key)
        if isinstance(inner, dict):
            return _named(inner, form)
    return _named(item, "function_call")


def _named(item: dict[str, JSON], form: Form) -> Call | None:
    name = item.get("name")
    if not isinstance(name, str):
        return None
    arguments = next((item[key] for key in ("arguments", "args", "input") if key in item), {})
    return Call(name, arguments, frozenset((form if isinstance(arguments, str) else "other",)))
