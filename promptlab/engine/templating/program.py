"""A compiled template, and its rendering to JSON."""

from collections.abc import Iterable, Mapping
from typing import cast

from jinja2 import Template
from jinja2.exceptions import UndefinedError
from jinja2.runtime import Context

from promptlab.core.frozen import frozen
from promptlab.engine.templating.environment import TemplateEnvironment
from promptlab.engine.templating.missing import FIRST_ITEM, Step
from promptlab.engine.templating.roles import Transcript
from promptlab.engine.templating.syntax import RESULT, assignment, parse, single_expression
from promptlab.engine.templating.values import BadValueError, TooLargeError, bounded, to_json, to_plain
from promptlab.engine.templating.vocabulary import JSON, MAX_SIZE, TemplateKind


@frozen
class Source:
    """What the parent sends of a template."""

    kind: TemplateKind
    source: str
    name: str
    library: Mapping[str, str]


class EmptyPromptError(BadValueError):
    """A prompt came out without any text."""


class Program:
    """A template ready to render; compiling raises what Jinja raises."""

    def __init__(self, source: Source) -> None:
        self._kind = source.kind
        self._environment = TemplateEnvironment(source.library, source.kind)
        tree = parse(self._environment, source.kind, source.source, source.name)
        expression = single_expression(source.kind, tree)
        self._is_typed = expression is not None
        if expression is not None:
            tree = assignment(expression, self._environment)
        code = self._environment.compile(tree, name=source.name)
        self._template = Template.from_code(self._environment, code, self._environment.globals)

    def render(self, values: Mapping[str, object], steps: Mapping[str, dict[str, object]]) -> JSON:
        """Return messages for a prompt, a content for a text, a JSON value for the rest."""
        names = {**FIRST_ITEM, **values, **{name: Step(name, view) for name, view in steps.items()}}
        context = self._template.new_context(names)
        if self._is_typed:
            return self._value(context)
        self._environment.transcript = transcript = Transcript()
        if self._kind != "prompt":
            return cast("JSON", transcript.content(bounded(self._text(context))))
        return _messages(transcript, self._text(context))

    def _text(self, context: Context) -> str:
        return _gathered(self._template.root_render_func(context))

    def _value(self, context: Context) -> JSON:
        for _ in self._template.root_render_func(context):
            pass
        value = to_plain(context.vars[RESULT])
        bounded(to_json(value))
        return value


def is_unknown_name(error: UndefinedError) -> bool:
    """Say whether an error is about a name, not about a part of a value."""
    return str(error.message).endswith("is not defined")


def _messages(transcript: Transcript, text: str) -> JSON:
    messages = transcript.messages(text)
    if not messages:
        raise EmptyPromptError("the prompt is empty: it would send no text")
    bounded("".join(str(message["content"]) for message in messages))
    return cast("JSON", messages)


def _gathered(pieces: Iterable[str]) -> str:
    parts, size = [], 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_SIZE:
            raise TooLargeError("the result is larger than 1 MB")
        parts.append(piece)
    return "".join(parts)
