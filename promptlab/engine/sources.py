"""Digests of what a step is made of, from the values that the loader put into it."""

from functools import cache

from pydantic import BaseModel

from promptlab.core.json import JSON, digest
from promptlab.engine.completion_step import CompletionStep
from promptlab.engine.function import Function
from promptlab.engine.prompt import PromptFile
from promptlab.engine.step import Step
from promptlab.engine.sub_pipeline import SubPipeline
from promptlab.schemas.sources import Sources
from promptlab.schemas.template import Template, TemplatedValue

_COMMON = frozenset((*Step.model_fields, *CompletionStep.model_fields, "steps")) - {"when"}


def sources_of(step: Step) -> Sources:
    """Give the digests of a step; those of the steps inside it are their own."""
    texts, includes, functions = texts_of(step), includes_of(step), functions_of(step)
    return Sources(
        template=digest(texts) if texts else None,
        includes=digest(includes) if includes else None,
        code=digest([_named(function) for function in functions]) if functions else None,
    )


def texts_of(step: Step) -> dict[str, JSON]:
    """Give what of a step is made of templates, as written, by the key that says it."""
    given: dict[str, JSON] = {name: value.source for name, value in step.bindings.items()}
    own = {name: getattr(step, name) for name in _own(step)}
    said = {name: _text(value) for name, value in own.items() if _has_templates(value)}
    return {**({"with": given} if given else {}), **said}


def includes_of(step: Step) -> dict[str, JSON]:
    """Give what the templates of a step include, at any depth: texts by path below prompts/."""
    return {name: text for part in step.own_parts() for name, text in part.template.library.items()}


def functions_of(step: Step) -> tuple[Function, ...]:
    """Give the functions of the project that a step runs, itself or as tools."""
    values = (getattr(step, name) for name in _own(step))
    tools = step.tools if isinstance(step, CompletionStep) else ()
    return (*(value for value in values if isinstance(value, Function)), *(tool.function for tool in tools))


def prompt_of(step: Step) -> str | None:
    """Give the path of the prompt that a step sends, where it has a file of its own."""
    prompts = (getattr(step, name) for name in _own(step))
    return next((prompt.path for prompt in prompts if isinstance(prompt, PromptFile)), None)


def words_of(step: Step) -> frozenset[str]:
    """Give all that could be a name in what a step renders."""
    given = [template for value in step.bindings.values() for _, template in value.holes]
    own = [part.template for part in step.own_parts()]
    asked = [step.when] if step.when is not None else []
    return frozenset().union(*(template.words for template in (*given, *own, *asked)))


def _own(step: Step) -> tuple[str, ...]:
    """Give the fields that this kind of step has beyond others, and `when`."""
    return tuple(name for name in _fields(type(step)) if name not in _COMMON)


@cache
def _fields(kind: type[BaseModel]) -> tuple[str, ...]:
    return tuple(kind.model_fields)


def _named(function: Function) -> JSON:
    return [function.name, [list(file) for file in function.files]]


def _has_templates(value: object) -> bool:
    match _unfolded(value):
        case Template() | TemplatedValue():
            return True
        case dict() as items:
            return any(map(_has_templates, items.values()))
        case tuple() as items:
            return any(map(_has_templates, items))
        case _:
            return False


def _text(value: object) -> JSON:
    match _unfolded(value):
        case Template() | TemplatedValue() as template:
            return template.source
        case dict() as items:
            return {str(name): _text(item) for name, item in items.items()}
        case tuple() as items:
            return [_text(item) for item in items]
        case str() | int() | float() as plain:
            return plain
        case _:
            return None


def _unfolded(value: object) -> object:
    match value:
        case PromptFile():
            return value.template
        case SubPipeline():
            return value.spec.outputs
        case BaseModel():
            return {name: getattr(value, name) for name in _fields(type(value))}
        case _:
            return value
