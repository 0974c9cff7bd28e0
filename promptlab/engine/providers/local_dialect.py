"""The words in which the embedded model is asked: chat completions with llama.cpp's own constraints."""

from collections.abc import Mapping
from dataclasses import field

from promptlab.core.frozen import frozen, replace
from promptlab.core.json import JSON
from promptlab.engine.completion import CompletionRequest
from promptlab.engine.provider import SchemaFault
from promptlab.engine.providers.chat import ChatDialect
from promptlab.engine.providers.dialect import Reading, StreamDialect
from promptlab.engine.providers.local_schema import schema_fault, wire_params
from promptlab.engine.providers.local_tools import as_called, form, in_words
from promptlab.schemas.pipeline import Params


@frozen
class LocalDialect:
    """Chat completions with llama.cpp's own constraints: a grammar where the answer is one of some words.

    Tools are told in words: the models of this size know no form of their own to call them.
    """

    chat: ChatDialect = field(default_factory=ChatDialect)

    @property
    def path(self) -> str:
        return self.chat.path

    @property
    def stream(self) -> StreamDialect:
        return self.chat.stream

    def wire_params(self, model: str, params: Params) -> dict[str, JSON]:
        return wire_params(model, params)

    def schema_fault(self, schema: Mapping[str, JSON]) -> SchemaFault | None:
        return schema_fault(schema)

    def body(self, request: CompletionRequest) -> dict[str, JSON]:
        told, words = in_words(request), _words(request)
        if not request.tools and words is None:
            return self.chat.body(told)
        plain = self.chat.body(replace(told, json_schema=None))
        if request.tools or words is None:
            schema: JSON = {"name": "said", "schema": form(request)}
            return {"response_format": {"type": "json_schema", "json_schema": schema}, **plain}
        return {"grammar": _grammar(words), **plain}

    def read(self, request: CompletionRequest, found: object) -> Reading:
        if not request.tools:
            return self.chat.read(request, found)
        return as_called(request, self.chat.read(replace(request, json_schema=None), found))


def _words(request: CompletionRequest) -> list[str] | None:
    schema = request.json_schema or {}
    enum = schema.get("enum")
    if schema.get("type") != "string" or not isinstance(enum, list):
        return None
    return [word for word in enum if isinstance(word, str)]


def _grammar(words: list[str]) -> str:
    quoted = [
        '"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"' for word in words
    ]
    return f"root ::= {' | '.join(quoted)}"
