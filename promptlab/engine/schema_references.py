"""Where a JSON Schema refers to: only into itself, to something that is there, and not in an empty circle."""

from collections.abc import Iterator, Mapping

from promptlab.core.json import JSON
from promptlab.schemas.refusal import Refusal
from promptlab.schemas.template import Place

NAMED = frozenset(("properties", "patternProperties", "$defs", "definitions", "dependentSchemas"))
LITERAL = frozenset(("enum", "const", "default", "examples", "required", "dependentRequired"))
SHARED = ("#/$defs/", "#/definitions/")
_NOWHERE = object()


def check_references(schema: Mapping[str, JSON]) -> None:
    """Raise Refusal for a reference that nothing can follow."""
    for place, inner in subschemas(schema):
        reference = inner.get("$ref")
        if reference is not None:
            _check(schema, place, str(reference))
        if inner.get("enum") == []:
            raise Refusal("an empty enum fits no value", code="schema", below=(*place, "enum"))


def subschemas(schema: object, place: Place = ()) -> Iterator[tuple[Place, Mapping[str, JSON]]]:
    """Give a schema and all inside it that are maps, with their places."""
    if isinstance(schema, dict):
        yield place, schema
        for key, value in schema.items():
            if key in NAMED and isinstance(value, dict):
                for name, inner in value.items():
                    yield from subschemas(inner, (*place, key, name))
            elif key not in LITERAL:
                yield from subschemas(value, (*place, key))
    elif isinstance(schema, list):
        for index, inner in enumerate(schema):
            yield from subschemas(inner, (*place, index))


def recursion(schema: Mapping[str, JSON]) -> Place | None:
    """Give the place of a reference that leads back to where it stands, through others or not; or None."""
    targets = {place: pointed(str(inner["$ref"])) for place, inner in subschemas(schema) if "$ref" in inner}
    return next((place for place in targets if _leads_back(place, targets)), None)


def pointed(reference: str) -> Place:
    """Give the place that a reference of the form `#/a/b` leads to."""
    parts = reference.removeprefix("#").strip("/").split("/")
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in parts if part)


def _leads_back(start: Place, targets: Mapping[Place, Place]) -> bool:
    waiting, seen = [targets[start]], set[Place]()
    while waiting:
        here = waiting.pop()
        if tuple(map(str, start[: len(here)])) == here:
            return True
        seen.add(here)
        inside = (to for place, to in targets.items() if tuple(map(str, place[: len(here)])) == here)
        waiting += [to for to in inside if to not in seen]
    return False


def _check(schema: Mapping[str, JSON], place: Place, reference: str) -> None:
    below = (*place, "$ref")
    if not reference.startswith("#"):
        message = f"$ref '{reference}' leads outside the schema, and nothing is fetched"
        raise Refusal(message, hint="copy it under $defs, and say #/$defs/NAME", code="schema", below=below)
    if reference.startswith("#/") or reference == "#":
        target, seen = _at(schema, reference), {reference}
        while isinstance(target, dict) and set(target) == {"$ref"} and str(target["$ref"]) not in seen:
            seen.add(str(target["$ref"]))
            target = _at(schema, str(target["$ref"]))
        if target is _NOWHERE:
            raise Refusal(f"$ref '{reference}' leads nowhere in the schema", code="schema", below=below)
        if isinstance(target, dict) and set(target) == {"$ref"}:
            raise Refusal(
                f"$ref '{reference}' leads to itself and to nothing else", code="schema", below=below
            )
    if schema.get("type") != "object" and not reference.startswith(SHARED):
        message = f"$ref '{reference}' does not lead to $defs, and the schema is no object"
        hint = "put what it refers to under $defs: providers get the schema inside an object"
        raise Refusal(message, hint=hint, code="schema", below=below)


def _at(schema: object, reference: str) -> object:
    found: object = schema
    for part in pointed(reference):
        if isinstance(found, dict):
            found = found.get(part, _NOWHERE)
        elif isinstance(found, list) and str(part).isdecimal() and int(part) < len(found):
            found = found[int(part)]
        else:
            return _NOWHERE
    return found
