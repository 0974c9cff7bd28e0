"""What is known of an output before it is there: its JSON Schema, its words, or that it is text."""

from collections.abc import Iterator, Sequence

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.loader.templates import ANY_ELEMENT
from promptlab.schemas.dataset import INPUT_TYPES, InputType
from promptlab.schemas.pipeline import OutputSpec

type Path = Sequence[str | int]
type Schema = dict[str, JSON] | bool


@frozen
class Lack:
    """The first part of a path that is surely not there, and what is there instead."""

    part: str | int
    above: tuple[str | int, ...]
    known: tuple[str, ...] = ()


def lack_in_output(output: OutputSpec | None, path: Path) -> Lack | None:
    """Say what part of a path below an output cannot be there; None where it may be."""
    if output is None or not path:
        return None
    if output.kind == "schema":
        return lack_in_schema(output.json_schema or {}, path)
    if output.kind == "json":
        return None
    return lack_in_text(path)


def lack_in_text(path: Path) -> Lack | None:
    """Text has the methods of text and characters by index, nothing else."""
    part = path[0]
    return None if isinstance(part, int) or part == ANY_ELEMENT or hasattr(str, part) else Lack(part, ())


def lack_in_schema(schema: Schema, path: Path) -> Lack | None:
    branches: list[Schema] = [schema]
    for index, part in enumerate(path):
        resolved = [inner for branch in branches for inner in _branches(branch, schema)]
        found = [inner for branch in resolved if (inner := _below(branch, part)) is not None]
        if not found:
            known = {name for branch in resolved for name in _properties(branch)}
            return Lack(part, tuple(path[:index]), tuple(sorted(known)))
        branches = found
    return None


def words_of(output: OutputSpec | None, path: Path) -> tuple[str, ...] | None:
    """Give the words that the value at a path below an output is one of; None where that is not said."""
    if output is None:
        return None
    if output.kind == "enum":
        return output.enum if not path else None
    if output.kind != "schema":
        return None
    return _schema_words(output.json_schema or {}, path)


def type_of_output(output: OutputSpec | None, path: Path) -> InputType | None:
    """Give the type of the value at a path below an output; None where it may be one of several."""
    if output is None or output.kind == "json":
        return None
    if output.kind != "schema":
        return None if path else "string"
    branches: list[Schema] = [output.json_schema or {}]
    for part in path:
        resolved = [inner for branch in branches for inner in _branches(branch, output.json_schema or {})]
        branches = [inner for branch in resolved if (inner := _below(branch, part)) is not None]
    resolved = [inner for branch in branches for inner in _branches(branch, output.json_schema or {})]
    kinds = {inner.get("type") if isinstance(inner, dict) else None for inner in resolved if inner}
    (kind,) = kinds if len(kinds) == 1 else (None,)
    return next((known for known in INPUT_TYPES if known == kind), None)


def _schema_words(schema: Schema, path: Path) -> tuple[str, ...] | None:
    branches: list[Schema] = [schema]
    for part in path:
        resolved = [inner for branch in branches for inner in _branches(branch, schema)]
        branches = [inner for branch in resolved if (inner := _below(branch, part)) is not None]
    words: list[str] = []
    for inner in (inner for branch in branches for inner in _branches(branch, schema)):
        stated = _stated(inner)
        if stated is None:
            return None
        words.extend(word for word in stated if isinstance(word, str))
    return tuple(words) or None


def _stated(schema: Schema) -> list[JSON] | None:
    if not isinstance(schema, dict):
        return None
    if "const" in schema:
        return [schema["const"]]
    enum = schema.get("enum")
    return enum if isinstance(enum, list) else None


def _branches(schema: Schema, root: Schema) -> Iterator[Schema]:
    """Give the schemas that a schema may stand for: what it refers to, and each of its alternatives."""
    waiting, followed = [schema], set[str]()
    while waiting:
        one = waiting.pop()
        reference = one.get("$ref") if isinstance(one, dict) else None
        if not isinstance(one, dict):
            yield one
        elif isinstance(reference, str):
            waiting += [] if reference in followed else [_referred(root, reference)]
            followed.add(reference)
        else:
            alternatives = list(_alternatives(one))
            if not alternatives or "properties" in one:
                yield one
            waiting += alternatives


def _alternatives(schema: dict[str, JSON]) -> Iterator[Schema]:
    for key in ("anyOf", "oneOf", "allOf"):
        listed = schema.get(key)
        for inner in listed if isinstance(listed, list) else ():
            yield inner if isinstance(inner, dict) else True


def _referred(root: Schema, reference: str) -> Schema:
    """Follow `#/$defs/x`; what lies elsewhere is not known, so that anything may be there."""
    value: JSON = root
    if not reference.startswith("#"):
        return True
    for part in reference.removeprefix("#").strip("/").split("/"):
        value = value.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else True


def _below(schema: Schema, part: str | int) -> Schema | None:
    """Give the schema of what lies at a key or index; None where nothing can."""
    if not isinstance(schema, dict):
        return True if schema else None
    if isinstance(part, int) or part == ANY_ELEMENT:
        return _item(schema)
    properties = _properties(schema)
    if part in properties:
        inner = properties[part]
        return inner if isinstance(inner, dict | bool) else True
    return _undeclared(schema, part)


def _item(schema: dict[str, JSON]) -> Schema | None:
    if schema.get("type") in ("object", "integer", "number", "boolean", "null"):
        return None
    items = schema.get("items", True)
    return items if isinstance(items, dict | bool) else True


def _undeclared(schema: dict[str, JSON], part: str) -> Schema | None:
    """A key that the schema does not declare: a method of its type, or allowed in so many words."""
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict) or extra is True or "patternProperties" in schema:
        return True
    kinds = {"object": dict, "string": str, "array": list, "integer": int, "number": float}
    kind = schema.get("type")
    if isinstance(kind, str):
        return True if hasattr(kinds.get(kind, object), part) or _is_open(schema, kind) else None
    return None if _properties(schema) else True


def _is_open(schema: dict[str, JSON], kind: str) -> bool:
    """Whether an object declares nothing about its keys."""
    return kind == "object" and not _properties(schema) and schema.get("additionalProperties") is not False


def _properties(schema: Schema) -> dict[str, JSON]:
    found = schema.get("properties") if isinstance(schema, dict) else None
    return found if isinstance(found, dict) else {}
