"""The functions that a model may call, as a check's value says them, or as its step offers them."""

from typing import Any

from promptlab.core.json import JSON
from promptlab.engine.check import Subject
from promptlab.engine.checks.called import Call
from promptlab.engine.conversation import Tool
from promptlab.engine.json_schema import check_schema
from promptlab.schemas.run import ITEM

type Tools = dict[str, Tool]

FORMS = "must be a list of tools, each `{name, parameters}`, in OpenAI's form or Anthropic's"
_ANY: dict[str, JSON] = {"type": "object"}


def read_tools(value: JSON) -> Tools:
    """Read a list of tools by name. Raises ValueError that says what is wrong."""
    listed = value if isinstance(value, list) else [value]
    tools = [_tool(item) for item in listed]
    if not tools:
        raise ValueError(FORMS)
    return {tool.name: tool for tool in tools}


def _tool(item: Any) -> Tool:
    match item:
        case {"function": {"name": str(name), **rest}} | {"name": str(name), **rest}:
            schema = rest.get("parameters", rest.get("input_schema", _ANY))
            if not isinstance(schema, dict):
                raise ValueError(f"the parameters of {name} must be a JSON Schema, a map")  # noqa: TRY004
            check_schema(schema)
            return Tool(name, "", schema)
    raise ValueError(FORMS)


def tools_for(call: Call, subject: Subject) -> Tools:
    """Give the tools of the step whose model made a call, or those of all steps where that is not known."""
    offered = subject.evidence.tools()
    made_by = (
        [call.step] if call.step is not None else [step.id for one in subject.results for step in one.flat]
    )
    return {tool.name: tool for step in made_by for tool in offered.get(ITEM.sub("", step), ())}
