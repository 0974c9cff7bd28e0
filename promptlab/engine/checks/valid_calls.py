"""`is-valid-function-call` and OpenAI's kinds of it: calls that can be made as they stand."""

from typing import Any, ClassVar

from promptlab.core.json import JSON, as_text
from promptlab.core.patterns import SearchTookTooLong
from promptlab.core.suggest import did_you_mean
from promptlab.core.words import plural
from promptlab.engine.check import CannotJudge, Finding, OptionalValueCheck, Subject, shown
from promptlab.engine.checks.called import Call, Form, calls_of
from promptlab.engine.checks.offered import Tools, read_tools, tools_for
from promptlab.engine.checks.strict_json import NotJson
from promptlab.engine.conversation import Tool
from promptlab.engine.json_schema import TooLarge, misfit

MOST_HELD = 200  # calls that can be held to schemas
MOST_CHARACTERS = 100_000  # of their arguments together


class IsValidFunctionCall(OptionalValueCheck):
    """The model called a function, or several, and each call can be made as it stands.

    There is such a function, and the arguments are a JSON object that fits its JSON Schema. The functions
    are the `tools` of the step, or a list of them as value (`{name, parameters}`, in OpenAI's form or
    Anthropic's). What is judged are the calls of the step's own model, all of them; else the output, as
    JSON of a call or a list of them in the form of OpenAI, Anthropic or Google, or a bare `{name,
    arguments}`.
    """

    form: ClassVar[Form | None] = None
    noun: ClassVar[str] = "function call"

    @classmethod
    def parse(cls, value: JSON) -> Tools | None:
        return None if value is None else read_tools(value)

    def compare(self, value: Any, subject: Subject) -> Finding:
        calls = calls_of(subject)
        if not calls or not all(self.form is None or self.form in call.forms for call in calls):
            return Finding.of(passed=False, reason=f"is no {self.noun}")
        if len(calls) > MOST_HELD or sum(map(_size, calls)) > MOST_CHARACTERS:
            raise CannotJudge(f"has too many calls to be looked at, or too long ones ({len(calls):,})")
        try:
            fault = next(filter(None, (_fault(call, value, subject) for call in calls)), None)
        except (TooLarge, SearchTookTooLong) as error:
            raise CannotJudge(str(error)) from None
        reason = fault or f"made {plural(len(calls), f'valid {self.noun}')}"
        return Finding.of(passed=fault is None, reason=reason)


class IsValidOpenAIFunctionCall(IsValidFunctionCall):
    """As `is-valid-function-call`, in OpenAI's older form: `{name, arguments}`, or that as `function_call`.

    The arguments are text with JSON in it. The calls of a step's own model, whatever its provider, have
    this form.
    """

    form = "function_call"


class IsValidOpenAIToolsCall(IsValidFunctionCall):
    """As `is-valid-function-call`, in OpenAI's form of today: a list of `{function: {name, arguments}}`.

    The list may stand by itself or as `tool_calls`; the arguments are text with JSON in it. The calls of a
    step's own model, whatever its provider, have this form.
    """

    form = "tool_call"
    noun = "tool call"


def _size(call: Call) -> int:
    return len(as_text(call.arguments))


def _fault(call: Call, given: Tools | None, subject: Subject) -> str | None:
    tools = tools_for(call, subject) if given is None else given
    if not tools:
        raise CannotJudge("it is not known what functions there are: say them as `value`")
    if call.name not in tools:
        hint = did_you_mean(call.name, tools)
        return f"calls {shown(call.name)}, which is no function" + (f"; {hint}" if hint else "")
    return _arguments_fault(call, tools[call.name])


def _arguments_fault(call: Call, tool: Tool) -> str | None:
    try:
        arguments = call.read_arguments()
    except NotJson as error:
        return f"the arguments of {tool.name} are no JSON: {error}"
    if not isinstance(arguments, dict):
        return f"the arguments of {tool.name} are no JSON object"
    fault = misfit(tool.parameters, arguments)
    return None if fault is None else f"the arguments of {tool.name} do not fit its schema: {fault}"
