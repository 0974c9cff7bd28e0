"""A message of a conversation as people read it."""

from collections.abc import Iterator, Mapping

from promptlab.core.json import JSON


def spoken(message: Mapping[str, JSON]) -> str:
    """Give the text of a message, with a line for each file in it and for each tool that it calls."""
    return "\n".join(filter(None, (*_content(message.get("content")), *_calls(message.get("tool_calls")))))


def _content(content: JSON) -> Iterator[str]:
    if isinstance(content, list):
        yield from (_part(part) for part in content if isinstance(part, dict))
    else:
        yield str(content or "")


def _part(part: Mapping[str, JSON]) -> str:
    if part["type"] == "text":
        return str(part["text"])
    return f"[{part['type']} {part.get('path')}, {part['media_type']}]"


def _calls(calls: JSON) -> Iterator[str]:
    for call in calls if isinstance(calls, list) else ():
        if isinstance(call, dict):
            yield f"→ {call['name']}({call['arguments']})"
