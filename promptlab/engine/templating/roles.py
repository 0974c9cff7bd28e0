"""Role tags: ``{% system %}…{% endsystem %}`` and its kin, and ``{% messages history %}``.

A tag, or a call that attaches, leaves a mark in the text that holds a number drawn for this one render, after
its data was given: no data can name it, so no data can open a role or attach a file.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, cast

from jinja2 import nodes
from jinja2.exceptions import TemplateRuntimeError
from jinja2.ext import Extension
from jinja2.parser import Parser

from promptlab.core.frozen import frozen
from promptlab.engine.templating.missing import Conversation
from promptlab.engine.templating.values import BadValueError
from promptlab.engine.templating.vocabulary import ROLES
from promptlab.schemas.history import Content, MalformedHistory, Part, Said, Speaker, history, says_nothing

if TYPE_CHECKING:
    from promptlab.engine.templating.environment import TemplateEnvironment


CHANGED = "the result of a role tag, or of image(), file() or text(), was changed by a filter"


@frozen
class Placed:
    """Messages that stand at one place of a prompt; `is_spliced`: those of a conversation."""

    messages: Sequence[Said]
    is_spliced: bool = False


class Transcript:
    """The messages that the tags of one render made, what it attached, and where in its text they stand."""

    def __init__(self) -> None:
        self._secret = str(secrets.randbits(128))
        self._opening = f"\x02{self._secret}:"
        self._placed: list[Placed] = []
        self._attaching = f"\x02{self._secret}+"
        self._attached: list[Part] = []

    def place(self, messages: Sequence[Said], *, is_spliced: bool = False) -> str:
        """Keep messages and return the mark that stands for them."""
        self._placed.append(Placed(messages, is_spliced))
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

    def messages(self, text: str) -> list[Said]:
        """Return the messages of a whole rendered text; what no tag claims is the user's."""
        before, *marked = text.split(self._opening)
        placed = [self._spoken_by_user(before)]
        for part in marked:
            number, _, after = part.partition("\x03")
            placed += [_numbered(self._placed, number), self._spoken_by_user(after)]
        return list(_with_one_system(placed))

    def _spoken_by_user(self, text: str) -> Placed:
        content = self.content(text.strip())
        return Placed([{"role": "user", "content": content}] if content else [])


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

    def speak(self, role: Speaker, caller: Callable[[], str]) -> str:
        """Make one message of a role tag's body; an empty body makes none."""
        text = caller().strip()
        if self._transcript.has_messages(text):
            raise TemplateRuntimeError(f"a role tag stands inside {{% {role} %}}; role tags cannot be nested")
        content = self._transcript.content(text)
        return self._transcript.place([{"role": role, "content": content}]) if content else ""

    def splice(self, conversation: object) -> str:
        """Insert the messages of a value, the one place where data brings roles.

        The system speaks only in those of another step, and only where the prompt has none of its own.
        """
        if not isinstance(conversation, list):
            str(conversation)
            raise BadValueError("{% messages … %} takes a list of messages, each with role and content")
        try:
            said = history(conversation, with_system=True)
        except MalformedHistory as fault:
            hint = f"; {fault.hint}" if fault.hint else ""
            raise BadValueError(f"message {fault.number} of the conversation {fault}{hint}") from None
        is_own = isinstance(conversation, Conversation)
        kept = [one for one in said if (is_own or not _is_system(one)) and not says_nothing(one)]
        return self._transcript.place(kept, is_spliced=True)

    @property
    def _transcript(self) -> Transcript:
        return cast("TemplateEnvironment", self.environment).transcript


def _is_system(message: Said) -> bool:
    return message["role"] == "system"


def _with_one_system(placed: Sequence[Placed]) -> Iterator[Said]:
    """Leave out what the system says in a conversation where the prompt, or one before, has it speak."""
    has_system = any(_is_system(said) for part in placed if not part.is_spliced for said in part.messages)
    for part in placed:
        kept = [said for said in part.messages if not (part.is_spliced and has_system and _is_system(said))]
        has_system = has_system or any(map(_is_system, kept))
        yield from kept
