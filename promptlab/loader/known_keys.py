"""Which keys a place of a pipeline's file takes, for "did you mean"."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, TypeAliasType, get_args, get_origin

from pydantic import BaseModel

from promptlab.core.json import JSON
from promptlab.engine.catalog import CHECKS, METRICS, STEPS

OPEN_MAPS = ("inputs",)  # maps from names of the user to one kind of thing


def known_keys(model: type[BaseModel], place: Sequence[str | int], value: JSON) -> tuple[str, ...]:
    """Give the keys that the map at `place` of a document for `model` may have."""
    kind: type[BaseModel] | None = model
    for index, part in enumerate(place):
        inner = value[part] if isinstance(value, dict | list) else None  # type: ignore[index]
        if isinstance(part, int):
            kind = _kind_of_item(place[index - 1], inner) or kind
        elif index == 0 or place[index - 1] not in OPEN_MAPS:
            kind = _model_of_field(kind, part)
        value = inner
    return tuple(field.alias or name for name, field in kind.model_fields.items()) if kind is not None else ()


def _kind_of_item(of: str | int, item: JSON) -> type[BaseModel] | None:
    if not isinstance(item, dict):
        return None
    if of == "steps":
        return next((STEPS.get(name) for name in STEPS.names() if name in item), None)
    if of == "checks":
        name = str(item.get("type", "")).removeprefix("not-")
        return CHECKS.get(name) if name in CHECKS else None
    if of == "metrics":
        return next((METRICS.get(name) for name in METRICS.names() if name in item), None)
    return None


def _model_of_field(model: type[BaseModel] | None, name: str) -> type[BaseModel] | None:
    if model is None:
        return None
    for field_name, field in model.model_fields.items():
        if name == (field.alias or field_name):
            return next(_models_in(field.annotation), None)
    return None


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Find the models inside an annotation: of unions, lists, maps and aliases."""
    if isinstance(annotation, TypeAliasType):
        yield from _models_in(annotation.__value__)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) is Annotated:
        yield from _models_in(get_args(annotation)[0])
    else:
        for argument in get_args(annotation):
            yield from _models_in(argument)
        origin = get_origin(annotation)
        if isinstance(origin, TypeAliasType):
            yield from _models_in(origin.__value__)
