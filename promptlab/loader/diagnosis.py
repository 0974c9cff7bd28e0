"""From what Pydantic says of a value to problems with a place and a hint."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from promptlab.core.config import MODEL_PATTERN
from promptlab.core.display import is_secret_name
from promptlab.core.json import JSON
from promptlab.core.suggest import suggest
from promptlab.loader.document import Document
from promptlab.loader.known_keys import known_keys
from promptlab.loader.problems import Hint, Problems, did_you_mean
from promptlab.schemas.refusal import Refusal

MESSAGES = {
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a map",
    "model_type": "must be a map",
    "model_attributes_type": "must be a map",
    "finite_number": "must be a finite number",
}
KINDS = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a map",
}

type Location = tuple[str | int, ...]


def report(
    error: ValidationError, document: Document, problems: Problems, model: type[BaseModel]
) -> list[Location]:
    """Add a problem for each error; those of a union at one place become one. Give the places."""
    by_place: dict[Location, list[Any]] = {}
    for detail in error.errors(include_url=False):
        by_place.setdefault(_place(document, detail), []).append(detail)
    for place in _of_other_branches(by_place):
        del by_place[place]
    for place, details in by_place.items():
        missing = [detail for detail in details if detail["type"] == "missing"]
        if missing:
            for detail in missing:
                if not _is_misspelt(detail["loc"][-1], place, by_place):
                    _report_one(document, place, detail, problems, model)
        else:
            _report_one(document, place, _most_telling(details), problems, model, others=details)
    return list(by_place)


def _is_misspelt(key: str, place: Location, by_place: Mapping[Location, Sequence[Any]]) -> bool:
    """Whether an unknown key beside it, which is told by itself, is likely the one that is missing."""
    unknown = [
        str(other[-1])
        for other, details in by_place.items()
        if other[:-1] == place and other and details[0]["type"] == "extra_forbidden"
    ]
    return any(suggest(name, [key]) is not None for name in unknown)


def _of_other_branches(by_place: Mapping[Location, Sequence[Any]]) -> list[Location]:
    """Find the places where only a type is wrong, but another branch of a union goes deeper."""
    return [
        place
        for place, details in by_place.items()
        if all(detail["type"].endswith("_type") for detail in details)
        and any(len(other) > len(place) and other[: len(place)] == place for other in by_place)
    ]


def _place(document: Document, detail: Any) -> Location:
    """Give the path in the document: Pydantic's location without the names of union branches."""
    value: JSON = document.value
    place: list[str | int] = []
    for part in detail["loc"]:
        if isinstance(value, dict) and part in value:
            value = value[str(part)]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            continue
        place.append(part)
    return tuple(place)


def _most_telling(details: Sequence[Any]) -> Any:
    """Prefer what our own validators say over a wrong type."""
    return next((detail for detail in details if not detail["type"].endswith("_type")), details[0])


def _report_one(
    document: Document,
    place: Location,
    detail: Any,
    problems: Problems,
    model: type[BaseModel],
    others: Sequence[Any] = (),
) -> None:
    kind, refusal = detail["type"], _refusal(detail)
    if refusal is not None and refusal.told:
        return
    if kind == "extra_forbidden":
        name = str(place[-1])
        hint: Hint = did_you_mean(name, known_keys(model, place[:-1], document.value))
        document.report(problems, place, f"unknown key '{name}'", code="unknown-key", hint=hint, key=True)
    elif kind == "missing":
        message = f"the key '{detail['loc'][-1]}' is missing"
        document.report(problems, place, message, code="missing-key", key=True)
    else:
        message, hint, code = _said(document, place, detail, others)
        is_about_key = kind == "value_error" and detail["msg"].startswith("unknown ")
        where = place if refusal is None else _deepest(document, place, refusal.below)
        is_about_key = is_about_key or (refusal is not None and refusal.key)
        document.report(problems, where, message, code=code, hint=hint, key=is_about_key)


def _refusal(detail: Any) -> Refusal | None:
    error = detail.get("ctx", {}).get("error")
    return error if isinstance(error, Refusal) else None


def _deepest(document: Document, place: Location, below: Location) -> Location:
    """Lead from a place to what is wrong below it; the loader's own keys may stand between."""
    part = document.part(place)
    if part is not None and isinstance(part.value, dict) and "schema" in part.value:
        return (*place, "schema", *below)
    return (*place, *below)


def _said(
    document: Document,
    place: Location,
    detail: Any,
    others: Sequence[Any],
) -> tuple[str, Hint, str]:
    name = ".".join(str(part) for part in place if isinstance(part, str)) or "the file"
    kind = detail["type"]
    if kind == "value_error":
        words, refusal = detail["msg"].removeprefix("Value error, "), _refusal(detail)
        if refusal is None:
            return _refused(name, words), None, "value"
        return words if refusal.key else _refused(name, words), refusal.hint, refusal.code
    if kind in MESSAGES:
        wanted = list(dict.fromkeys(_wanted(others or [detail])))
        message = f"{name} must be {' or '.join(wanted)}, but is {_kind_of(document, place)}"
        return message, _quote_it(document, place, wanted), "type"
    if kind == "literal_error":
        expected = [
            word.strip().strip("'") for word in detail["ctx"]["expected"].replace(" or ", ",").split(",")
        ]
        message = f"{name} must be {detail['ctx']['expected']}, but is {document.shown(place)}"
        return message, did_you_mean(str(detail["input"]), expected), "value"
    if kind == "string_pattern_mismatch":
        return _refused(name, f"{document.shown(place)} is not allowed here"), _allowed(detail), "value"
    message = detail["msg"].replace("Input should", "should").replace("String should", "should")
    return f"{name} {message[0].lower()}{message[1:]}", None, "value"


def _refused(name: str, words: str) -> str:
    """Join both; what follows the name of a secret and a colon would be masked as its value."""
    return f"{name} is refused: {words}" if is_secret_name(name) else f"{name}: {words}"


def _wanted(details: Sequence[Any]) -> Iterator[str]:
    for detail in details:
        if detail["type"] in MESSAGES:
            yield MESSAGES[detail["type"]].removeprefix("must be ")


def _kind_of(document: Document, place: Location) -> str:
    part = document.part(place)
    if part is None or part.value is None:
        return "empty"
    kind = KINDS[type(part.value)]
    return f"{kind}, {document.shown(place)}" if isinstance(part.value, str | int | float) else kind


def _quote_it(document: Document, place: Location, wanted: Sequence[str]) -> Hint:
    written = document.scalar_source(place)
    if "text" in wanted and written is not None:
        return f'quote it: "{written.text}"'
    return None


def _allowed(detail: Any) -> str:
    """Say in words what the patterns of the schemas allow."""
    if detail["ctx"]["pattern"] == MODEL_PATTERN:
        return "say provider/model, as openai/gpt-4o-mini"
    if detail["ctx"]["pattern"].startswith("^[A-Za-z_]"):
        return "a name begins with a letter or _ and goes on with letters, digits and _, 64 at most"
    return "use letters, digits, spaces, '.', '_' and '-'"
