"""Role tags: ``{% system %}…{% endsystem %}`` and its kin, and ``{% messages history %}``.

A tag leaves a mark in the text that holds a number drawn for this one render, after its data was given:
no data can name it, so no data can open a role.
"""

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, NotRequired, TypedDict, cast

from jinja2 import nodes
from jinja2.exceptions import TemplateRuntimeError
from jinja2.ext import Extension
from jinja2.parser import Parser

from promptlab.engine.templating.tool_calls import text_of, tool_calls
from promptlab.engine.templating.values import BadValueError
from promptlab.engine.templating.vocabulary import ROLES, SPLICED_ROLES

if TYPE_CHECKING:
    from promptlab.engine.templating.environment import TemplateEnvironment


class Message(TypedDict):
    """One message of a chat."""

    role: str
    content: str
    tool_calls: NotRequired[list[dict[str, str]]]
    tool_call_id: NotRequired[str]


class Transcript:
    """The messages that the tags of one render made, and where in its text they stand."""

    def __init__(self) -> None:
        self._secret = str(secrets.randbits(128))
        self._opening = f"\x02{self._secret}:"
        self._placed: list[list[Message]] = []

    def place(self, messages: list[Message]) -> str:
        """Keep messages and return the mark that stands for them."""
        self._placed.append(messages)
        return f"{self._opening}{len(self._placed) - 1}\x03"

    def is_marked(self, text: str) -> bool:
        """Say whether a text holds a mark, or what is left of one."""
        return self._secret in text

    def messages(self, text: str) -> list[Message]:
        """Return the messages of a whole rendered text; what no tag claims is the user's."""
        before, *marked = text.split(self._opening)
        messages = self._spoken_by_user(before)
        for part in marked:
            number, _, after = part.partition("\x03")
            messages += self._placed_at(number)
            messages += self._spoken_by_user(after)
        return messages

    def _placed_at(self, number: str) -> list[Message]:
        if not number.isdecimal() or int(number) >= len(self._placed):
            raise BadValueError("the result of a role tag was changed by a filter")
        return self._placed[int(number)]

    def _spoken_by_user(self, text: str) -> list[Message]:
        if self.is_marked(text):
            raise BadValueError("the result of a role tag was changed by a filter")
        content = text.strip()
        return [{"role": "user", "content": content}] if content else []


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
        content = caller().strip()
        if self._transcript.is_marked(content):
            raise TemplateRuntimeError(f"a role tag stands inside {{% {role} %}}; role tags cannot be nested")
        return self._transcript.place([{"role": role, "content": content}]) if content else ""

    def splice(self, conversation: object) -> str:
        """Insert the messages of a value, the one place where data brings roles."""
        if not isinstance(conversation, list):
            str(conversation)
            raise BadValueError("{% messages … %} takes a list of messages, each with role and content")
        return self._transcript.place([_message(item) for item in conversation])

    @property
    def _transcript(self) -> Transcript:
        return cast("TemplateEnvironment", self.environment).transcript


def _message(item: object) -> Message:
    if not isinstance(item, dict) or not {"role", "content"} <= set(item):
        raise BadValueError("each message must be an object with role and content")
    role, content = item["role"], item["content"]
    if role not in SPLICED_ROLES:
        raise BadValueError(f"data cannot bring the role {role!r}; only {', '.join(SPLICED_ROLES)}")
    if not isinstance(content, str):
        raise BadValueError("the content of a message must be a string")
    message: Message = {"role": role, "content": content}
    rest = {key: value for key, value in item.items() if key not in message}
    if role == "assistant" and "tool_calls" in rest:
        message["tool_calls"] = tool_calls(rest.pop("tool_calls"))
    if role == "tool":
        message["tool_call_id"] = text_of(rest.pop("tool_call_id", None), "the tool_call_id of a message")
    if rest:
        raise BadValueError(f"a message of the role {role} has no {', '.join(map(str, rest))}")
    return message
