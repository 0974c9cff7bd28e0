"""Conversations that data brings, as OpenAI's API takes them and as logs of it have them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NotRequired, TypedDict, cast

from promptlab.core.display import shown
from promptlab.core.json import JSON, compact

__all__ = ["Content", "MalformedHistory", "Part", "Said", "Speaker", "fault_of", "history", "says_nothing"]

type Part = dict[str, JSON]
type Content = str | list[str | Part]
type Speaker = Literal["system", "user", "assistant", "tool"]

SPEAKERS: Sequence[Speaker] = ("user", "assistant", "tool")
"""Who may speak in data: never the system."""
_KEYS: Mapping[object, frozenset[str]] = {
    **dict.fromkeys(("system", "user"), frozenset(("role", "content"))),
    "assistant": frozenset(("role", "content", "tool_calls")),
    "tool": frozenset(("role", "content", "tool_call_id", "name")),
}
_PARTS = "say {type: text, text: …}, or {type: image, path: …}, or {type: file, path: …}"
_CALL = "a call is {id: …, name: …, arguments: …}, or has the last two below `function`"
_PAIRS = "behind a message that calls tools stands the result of each call, as {role: tool, tool_call_id: …}"


class Said(TypedDict):
    """One message; `content` is a text, or the texts and files that it is made of."""

    role: Speaker
    content: Content
    tool_calls: NotRequired[list[dict[str, str]]]
    tool_call_id: NotRequired[str]


class MalformedHistory(ValueError):
    """What is wrong with the message of a `number`, counted from 0; the text goes on behind "message 3"."""

    def __init__(self, what: str, hint: str | None = None, number: int = 0) -> None:
        super().__init__(what)
        self.hint = hint
        self.number = number


def history(messages: Sequence[object], *, with_system: bool = False) -> list[Said]:
    """Read a conversation: contents as text or parts, arguments as JSON text, every call with its result.

    A key that says null or an empty list is no key. Raises MalformedHistory.
    """
    speakers = ("system", *SPEAKERS) if with_system else SPEAKERS
    found = [_numbered(number, message, speakers) for number, message in enumerate(messages)]
    _hold_to_pairs(found)
    return found


def says_nothing(message: Said) -> bool:
    """Whether there is nothing in it that a model could be told."""
    content = message["content"]
    parts = [content] if isinstance(content, str) else content
    is_blank = all(isinstance(part, str) and not part.strip() for part in parts)
    return is_blank and message["role"] != "tool" and "tool_calls" not in message


def fault_of(messages: Sequence[object]) -> MalformedHistory | None:
    """Say what is wrong with a conversation in a row or pipeline, where a message that is empty is a slip."""
    try:
        silent = [number for number, said in enumerate(history(messages)) if says_nothing(said)]
    except MalformedHistory as fault:
        return fault
    return MalformedHistory("says nothing", "leave it out", silent[0]) if silent else None


def _numbered(number: int, message: object, speakers: Sequence[Speaker]) -> Said:
    try:
        return _said(message, speakers)
    except MalformedHistory as fault:
        fault.number = number
        raise


def _said(message: object, speakers: Sequence[Speaker]) -> Said:
    if not isinstance(message, Mapping):
        raise MalformedHistory("is no object with role and content")
    given = {key: value for key, value in message.items() if value is not None and value != []}
    role = _role(given.get("role"), speakers)
    if strange := [str(key) for key in given if key not in _KEYS[role]]:
        raise MalformedHistory(f"has {', '.join(strange)}, which one of the {role} has not", "take it out")
    said: Said = {"role": role, "content": _content(role, given)}
    if "tool_calls" in given:
        said["tool_calls"] = _tool_calls(given["tool_calls"])
    if role == "tool":
        said["tool_call_id"] = _text(given.get("tool_call_id"), "the tool_call_id of a result", _PAIRS)
    return said


def _role(role: object, speakers: Sequence[Speaker]) -> Speaker:
    if isinstance(role, str) and role in speakers:
        return cast("Speaker", str(role))
    what = f"has the role {_shown(role)}" if role is not None else "has no role"
    hint = "; the system speaks in the prompt: {% system %}" if role in ("system", "developer") else ""
    raise MalformedHistory(what, f"roles from data are {', '.join(SPEAKERS)}{hint}")


def _content(role: Speaker, given: Mapping[str, object]) -> Content:
    content = given.get("content")
    if isinstance(content, str):
        return str(content)
    if content is None and "tool_calls" in given:
        return ""
    if not isinstance(content, list):
        raise MalformedHistory(f"has {'no' if content is None else 'a malformed'} content", "write a text")
    parts = [_part(part) for part in content]
    if role != "user" and not all(isinstance(part, str) for part in parts):
        raise MalformedHistory("has a file attached", "only messages of the user have images and files")
    return parts


def _part(part: object) -> str | Part:
    match part:
        case {"type": "text", "text": str(text)}:
            return str(text)
        case {"type": "image" | "file" as kind, "path": str(path)}:
            return {"type": str(kind), "path": str(path)}
    raise MalformedHistory(f"has the part {_part_shown(part)}", _PARTS)


def _tool_calls(calls: object) -> list[dict[str, str]]:
    if not isinstance(calls, list):
        raise MalformedHistory("has tool_calls that are no list", _CALL)
    found = [_tool_call(call) for call in calls]
    if len({call["id"] for call in found}) < len(found):
        raise MalformedHistory("has two calls of the same id", "give each an id of its own")
    return found


def _tool_call(call: object) -> dict[str, str]:
    said = dict(call) if isinstance(call, Mapping) else {}
    if isinstance(function := said.get("function"), Mapping):
        said |= function
    if isinstance(said.get("arguments"), Mapping):
        said["arguments"] = compact(said["arguments"])
    named = {key: _text(said.get(key), f"the {key} of a call", _CALL) for key in ("id", "name")}
    if not isinstance(arguments := said.get("arguments"), str):
        raise MalformedHistory("has a call whose arguments are neither an object nor its JSON text", _CALL)
    return {**named, "arguments": str(arguments)}


def _text(value: object, what: str, hint: str) -> str:
    if not isinstance(value, str) or not value:
        raise MalformedHistory(f"lacks {what}" if value is None else f"has {_shown(value)} as {what}", hint)
    return str(value)


def _hold_to_pairs(messages: Iterable[Said]) -> None:
    """Hold results to the calls right before them, as all vendors do."""
    asked, open_calls = 0, set[str]()
    for number, message in enumerate(messages):
        if message["role"] == "tool":
            answered = message["tool_call_id"]
            if answered not in open_calls:
                raise MalformedHistory(
                    f"answers the call {_shown(answered)}, which is not open there", _PAIRS, number
                )
            open_calls.remove(answered)
        else:
            _require_answered(asked, open_calls)
            asked, open_calls = number, {call["id"] for call in message.get("tool_calls", ())}
    _require_answered(asked, open_calls)


def _require_answered(number: int, open_calls: set[str]) -> None:
    if open_calls:
        ids = ", ".join(map(_shown, sorted(open_calls)))
        raise MalformedHistory(f"makes the call {ids}, and no result follows", _PAIRS, number)


def _shown(value: object) -> str:
    return shown(cast("JSON", value))


def _part_shown(part: object) -> str:
    kind = part.get("type") if isinstance(part, Mapping) else part
    return f"of type {_shown(kind)}" if isinstance(part, Mapping) and kind is not None else _shown(part)
