"""From what was loaded to JSON that can be compared."""

from collections.abc import Iterable, Mapping
from dataclasses import field

from pydantic import BaseModel

from promptlab.core.frozen import slotted
from promptlab.core.json import JSON
from promptlab.engine.function import Function
from promptlab.engine.prompt import PromptFile
from promptlab.engine.sub_pipeline import SubPipeline
from promptlab.live.affected.normal import template_digest
from promptlab.schemas.template import Template, TemplatedValue


@slotted
class Reader:
    """Turns what was loaded into JSON, and keeps what it met on the way."""

    words: set[str] = field(default_factory=set)
    functions: list[Function] = field(default_factory=list)

    def read(self, value: object) -> JSON:
        match value:
            case None | bool() | int() | float() | str():
                return value
            case Mapping():
                return {str(name): self.read(item) for name, item in value.items()}
            case list() | tuple():
                return [self.read(item) for item in value]
            case BaseModel():
                return {name: self.read(getattr(value, name)) for name in type(value).model_fields}
        return self._ours(value)

    def _ours(self, value: object) -> JSON:
        match value:
            case Template():
                self._learn((value,))
                return template_digest(value.kind, value.source)
            case TemplatedValue():
                self._learn(template for _, template in value.holes)
                return value.source
            case Function():
                self.functions.append(value)
                return value.name
            case PromptFile():
                library: dict[str, JSON] = {
                    name: template_digest("prompt", text) for name, text in value.template.library.items()
                }
                return [self.read(value.template), library]
            case SubPipeline():
                return self.read(value.spec)
        return repr(value)

    def _learn(self, templates: Iterable[Template]) -> None:
        for template in templates:
            self.words |= template.words
