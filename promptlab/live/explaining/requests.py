"""What differs between two requests, beside what the step was given."""

from collections.abc import Iterator, Mapping
from typing import Any

from promptlab.schemas.explained import Change
from promptlab.schemas.run import MISSING
from promptlab.services.logged_step import Asked


def request_changes(old: Asked, new: Asked) -> Iterator[Change]:
    """Give what changed of the model, the parameters, the schema and the tools."""
    if old.kind != "model" or new.kind != "model":
        return
    yield from _model(old, new)
    for name in sorted(old.params.keys() | new.params.keys()):
        before, after = old.params.get(name, MISSING), new.params.get(name, MISSING)
        if before != after:
            yield Change("params", f"params.{name}", before, after)
    if old.request["schema"] != new.request["schema"]:
        yield Change("schema")
    yield from _tools(old, new)


def _model(old: Asked, new: Asked) -> Iterator[Change]:
    if old.model != new.model:
        yield Change("model", "model", old.model, new.model)
    for name in ("endpoint", "api"):
        before, after = old.request[name], new.request[name]
        if before != after and old.provider == new.provider:
            yield Change("model", name, before, after)


def _tools(old: Asked, new: Asked) -> Iterator[Change]:
    before, after = _by_name(old), _by_name(new)
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            yield Change("tool", f"{name} (gone)")
        elif before.get(name) != after[name]:
            yield Change("tool", name if name in before else f"{name} (new)")
    if before == after and list(before) != list(after):
        yield Change("tool", "their order")


def _by_name(asked: Asked) -> Mapping[str, Any]:
    return {tool["name"]: tool for tool in asked.request.get("tools", ())}
