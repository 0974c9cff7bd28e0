"""Calls of tools inside messages that data brings."""

from promptlab.engine.templating.values import BadValueError


def tool_calls(calls: object) -> list[dict[str, str]]:
    """Take calls as promptlab writes them, or as OpenAI does: with name and arguments below `function`."""
    if not isinstance(calls, list):
        raise BadValueError("the tool_calls of a message must be a list")
    return [_tool_call(call) for call in calls]


def _tool_call(call: object) -> dict[str, str]:
    said = {**call, **_mapping(call.get("function"))} if isinstance(call, dict) else {}
    return {key: text_of(said.get(key), f"the {key} of a tool call") for key in ("id", "name", "arguments")}


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def text_of(value: object, what: str) -> str:
    """Give a string; raises BadValueError for anything else, saying what it is."""
    if not isinstance(value, str):
        raise BadValueError(f"{what} must be a string")
    return str(value)
