"""Role tags: ``{% system %}…{% endsystem %}`` and its kin, and ``{% messages history %}``.

A tag, or a call that attaches, leaves a mark in the text that holds a number drawn for this one render, after
its data was given: no data can name it, so no data can open a role or attach a file.
"""

import secrets
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NotRequired, TypedDict, cast

from jinja2 import nodes
from jinja2.exceptions import TemplateRuntimeError
from jinja2.ext import Extension
from jinja2.parser import Parser

from promptlab.engine.templating.attaching import Content, Part, spliced_content
from promptlab.engine.templating.missing import Conversation, Earlier
from promptlab.engine.templating.tool_calls import text_of, tool_calls
from promptlab.engine.templating.values import BadValueError
from promptlab.engine.templating.vocabulary import ROLES, SPLICED_ROLES

if TYPE_CHECKING:
    from promptlab.engine.templating.environment import TemplateEnvironment


CHANGED = "the result of a role tag, or of image(), file() or text(), was changed by a filter"


class Message(TypedDict):
    """One message of a chat."""

    role: str
    content: Content
    tool_calls: NotRequired[list[dict[str, str]]]
    tool_call_id: NotRequired[str]


class Transcript:
    """The messages that the tags of one render made, what it attached, and where in its text they stand."""

    def __init__(self) -> None:
        self._secret = str(secrets.randbits(128))
        self._opening = f"\x02{self._secret}:"
        self._placed: list[list[Message]] = []
        self._attaching = f"\x02{self._secret}+"
        self._attached: list[Part] = []

    def place(self, messages: list[Message]) -> str:
        """Keep messages and return the mark that stands for them."""
        self._placed.append(messages)
        return f"{self._opening}{len(self._placed) - 1}\x03"

    def attach(self, kind: str, path: str) -> str:
        """Keep a file that is named and return the mark that stands for it."""
        self._attached.append({"type": kind, "path": path})
        return f"{self._attaching}{len(self._attached) - 1}\x03"

    def has_messages(self, text: str) -> bool:
        """Say whether a text holds the mark of a role tag."""
        return self._opening in text

    def require_plain(self, value: object) -> None:
        """Raise BadValueError where something is to be done with a text that holds a mark."""
        if isinstance(value, str) and self._secret in value:
            raise BadValueError(CHANGED)

    def content(self, text: str) -> Content:
        """Return a text with its line ends as LF, or as its parts where something is attached."""
        before, *marked = text.replace("\r\n", "\n").split(self._attaching)
        parts: list[str | Part] = [before]
        for part in marked:
            number, _, after = part.partition("\x03")
            parts += [_numbered(self._attached, number), after]
        if any(isinstance(part, str) and self._secret in part for part in parts):
            raise BadValueError(CHANGED)
        return [part for part in parts if part != ""] if marked else before

    def messages(self, text: str) -> list[Message]:
        """Return the messages of a whole rendered text; what no tag claims is the user's."""
        before, *marked = text.split(self._opening)
        messages = self._spoken_by_user(before)
        for part in marked:
            number, _, after = part.partition("\x03")
            messages += _numbered(self._placed, number)
            messages += self._spoken_by_user(after)
        return messages

    def _spoken_by_user(self, text: str) -> list[Message]:
        content = self.content(text.strip())
        return [{"role": "user", "content": content}] if content else []


def _numbered[T](kept: Sequence[T], number: str) -> T:
    if not number.isdecimal() or int(number) >= len(kept):
        raise BadValueError(CHANGED)
    return kept[int(number)]


class RoleTags(Extension):
    """The Jinja extension that reads the tags."""

    tags = {*ROLES, "messages"}  # noqa: RUF012 - Jinja's declaration

    def parse(self, parser: Parser) -> nodes.Node:
        tag = next(parser.stream)
        if tag.value == "messages":
            spliced = self.call_method("splice", [parser.parse_expression()], lineno=tag.lineno)
            return nodes.Output([spliced], lineno=tag.lineno)
        body = parser.parse_statements((f"name:end{tag.value}",), drop_needle=True)
        speak = self.call_method("speak", [nodes.Const(tag.value)], lineno=tag.lineno)
        return nodes.CallBlock(speak, [], [], body, lineno=tag.lineno)

    def speak(self, role: str, caller: Callable[[], str]) -> str:
        """Make one message of a role tag's body; an empty body makes none."""
        text = caller().strip()
        if self._transcript.has_messages(text):
            raise TemplateRuntimeError(f"a role tag stands inside {{% {role} %}}; role tags cannot be nested")
        content = self._transcript.content(text)
        return self._transcript.place([{"role": role, "content": content}]) if content else ""

    def splice(self, conversation: object) -> str:
        """Insert the messages of a value, the one place where data brings roles.

        The system speaks only in those of another step; in those of the item before it is left out, as the
        prompt says its own.
        """
        if not isinstance(conversation, list):
            str(conversation)
            raise BadValueError("{% messages … %} takes a list of messages, each with role and content")
        is_own = isinstance(conversation, Conversation)
        messages = [
            _own_system(item) if is_own and _is_system(item) else _message(item)
            for item in conversation
            if not (isinstance(conversation, Earlier) and _is_system(item))
        ]
        return self._transcript.place(messages)

    @property
    def _transcript(self) -> Transcript:
        return cast("TemplateEnvironment", self.environment).transcript


def _is_system(item: object) -> bool:
    return isinstance(item, dict) and item.get("role") == "system"


def _own_system(item: dict[str, object]) -> Message:
    """Make a system message that an earlier step's own template spoke."""
    return {"role": "system", "content": spliced_content(item["content"])}


def _message(item: object) -> Message:
    if not isinstance(item, dict) or not {"role", "content"} <= set(item):
        raise BadValueError("each message must be an object with role and content")
    role, content = item["role"], spliced_content(item["content"])
    if role not in SPLICED_ROLES:
        raise BadValueError(f"data cannot bring the role {role!r}; only {', '.join(SPLICED_ROLES)}")
    message: Message = {"role": role, "content": content}
    rest = {key: value for key, value in item.items() if key not in message}
    if role == "assistant" and "tool_calls" in rest:
        message["tool_calls"] = tool_calls(rest.pop("tool_calls"))
    if role == "tool":
        message["tool_call_id"] = text_of(rest.pop("tool_call_id", None), "the tool_call_id of a message")
    if rest:
        raise BadValueError(f"a message of the role {role} has no {', '.join(map(str, rest))}")
    return message
