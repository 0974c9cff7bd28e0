"""From a type as an annotation says it to a JSON Schema; nothing is imported for it."""

import ast
from collections.abc import Mapping
from dataclasses import replace

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON

type Schema = dict[str, JSON]
type Definition = ast.expr | ast.ClassDef

_PLAIN: Mapping[str, Schema] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "None": {"type": "null"},
    "list": {"type": "array", "items": {}},
    "dict": {"type": "object"},
    "Any": {},
}
_LISTS = ("list", "List", "Sequence", "Iterable")
_MAPS = ("dict", "Dict", "Mapping")
_ALIASES = {"List": "list", "Sequence": "list", "Iterable": "list", "Dict": "dict", "Mapping": "dict"}
_OPTIONAL_KEYS = ("NotRequired", "Required", "ReadOnly")
_KNOWN = "str, int, float, bool, list[…], dict[str, …], Literal[…], X | None, or a TypedDict of the file"
_SCALARS: Mapping[type, str] = {str: "string", bool: "boolean", int: "integer"}


class NoSchema(Exception):
    """A type that no JSON Schema says; `part` is its source text."""

    def __init__(self, part: str, hint: str = f"say it with {_KNOWN}") -> None:
        super().__init__(f"the type {part} has no JSON Schema")
        self.hint = hint


@frozen
class Types:
    """The types that a file defines by name; `inside`: those that are being read, for none holds itself."""

    definitions: Mapping[str, Definition]
    inside: tuple[str, ...] = ()

    @classmethod
    def of(cls, tree: ast.Module) -> "Types":
        return cls(dict(found for node in tree.body if (found := _definition(node)) is not None))

    def schema(self, node: ast.expr) -> Schema:
        """Give the schema of an annotation; raises NoSchema."""
        match node:
            case ast.Constant(value=None):
                return dict(_PLAIN["None"])
            case ast.Constant(value=str(text)):
                return self.schema(_parsed(text))
            case ast.Name() | ast.Attribute():
                return self._named(node)
            case ast.BinOp(op=ast.BitOr()):
                return self._union([node.left, node.right])
            case ast.Subscript():
                return self._generic(node)
        raise NoSchema(ast.unparse(node))

    def _named(self, node: ast.Name | ast.Attribute) -> Schema:
        name = _last(node)
        definition = self.definitions.get(name) if isinstance(node, ast.Name) else None
        if definition is None:
            plain = _ALIASES.get(name, name)
            if plain not in _PLAIN:
                raise NoSchema(ast.unparse(node))
            return dict(_PLAIN[plain])
        if name in self.inside:
            raise NoSchema(name, "a type that holds itself cannot be offered to a model")
        inner = replace(self, inside=(*self.inside, name))
        return inner.object(definition) if isinstance(definition, ast.ClassDef) else inner.schema(definition)

    def _generic(self, node: ast.Subscript) -> Schema:
        name = _last(node.value)
        given = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
        if name in _LISTS and len(given) == 1:
            return {"type": "array", "items": self.schema(given[0])}
        if name in _MAPS and len(given) == 2 and _last(given[0]) == "str":  # noqa: PLR2004
            return {"type": "object", "additionalProperties": self.schema(given[1])}
        if name == "Literal":
            return _literal(node, given)
        if name == "Optional" and len(given) == 1:
            return self._union([given[0], ast.Constant(None)])
        if name == "Union":
            return self._union(given)
        if name == "Annotated":
            return {**self.schema(given[0]), **_described(given[1:])}
        raise NoSchema(ast.unparse(node))

    def _union(self, parts: list[ast.expr]) -> Schema:
        choices: list[JSON] = []
        for part in parts:
            schema = self.schema(part)
            inner = schema.get("anyOf")
            choices += [one for one in (inner if isinstance(inner, list) else [schema]) if one not in choices]
        return {"anyOf": choices}

    def object(self, node: ast.ClassDef) -> Schema:
        """Give the schema of a TypedDict; what a call gives is a map, not an object of another class."""
        properties, required = self._keys(node)
        return object_schema(properties, required)

    def _keys(self, node: ast.ClassDef) -> tuple[Schema, list[JSON]]:
        properties: Schema = {}
        required: list[JSON] = []
        for base in node.bases:
            above = self.definitions.get(_last(base))
            if isinstance(above, ast.ClassDef) and above is not node:
                inherited = self._keys(above)
                properties |= inherited[0]
                required += inherited[1]
            elif _last(base) != "TypedDict":
                raise _no_typed_dict(node)
        if not node.bases:
            raise _no_typed_dict(node)
        is_total = not any(key.arg == "total" and ast.unparse(key.value) == "False" for key in node.keywords)
        for field in (field for field in node.body if isinstance(field, ast.AnnAssign)):
            name, (annotation, needed) = ast.unparse(field.target), _key(field.annotation, needed=is_total)
            properties[name] = self.schema(annotation)
            required += [name] if needed and name not in required else []
        return properties, required


def _no_typed_dict(node: ast.ClassDef) -> NoSchema:
    return NoSchema(node.name, "arguments are JSON, which makes no objects: write it as a TypedDict")


def object_schema(properties: Schema, required: list[JSON]) -> Schema:
    """Give the schema of an object that has these keys and no others."""
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _definition(node: ast.stmt) -> tuple[str, Definition] | None:
    match node:
        case ast.ClassDef(name=name):
            return name, node
        case ast.TypeAlias(name=ast.Name(id=name), value=value, type_params=[]):
            return name, value
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Subscript() | ast.BinOp() as value):
            return name, value
    return None


def _key(annotation: ast.expr, *, needed: bool) -> tuple[ast.expr, bool]:
    """Give the type of a TypedDict's key, and whether the key must be there."""
    while isinstance(annotation, ast.Subscript) and _last(annotation.value) in _OPTIONAL_KEYS:
        word = _last(annotation.value)
        needed = needed if word == "ReadOnly" else word == "Required"
        annotation = annotation.slice
    return annotation, needed


def _literal(node: ast.expr, given: list[ast.expr]) -> Schema:
    words: list[JSON] = []
    for part in given:
        try:
            word = ast.literal_eval(part)
        except ValueError:
            raise NoSchema(ast.unparse(node)) from None
        if not isinstance(word, str | int | None):
            raise NoSchema(ast.unparse(node))
        words.append(word)
    kinds = {_SCALARS.get(type(word)) for word in words}
    kind = kinds.pop() if len(kinds) == 1 else None
    return {"type": kind, "enum": words} if kind is not None else {"enum": words}


def _described(notes: list[ast.expr]) -> Schema:
    texts = [note.value for note in notes if isinstance(note, ast.Constant) and isinstance(note.value, str)]
    return {"description": texts[0]} if texts else {}


def _parsed(text: str) -> ast.expr:
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise NoSchema(repr(text)) from None


def _last(node: ast.expr) -> str:
    """Give the name itself of a dotted name: `t.Literal` is Literal."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(attr=name):
            return name
    return ""
