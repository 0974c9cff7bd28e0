"""From what a file says of a check to the check."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from json import loads
from typing import Any

from pydantic import ValidationError, ValidationInfo
from pydantic_core import ErrorDetails, InitErrorDetails

from promptlab.core.extras import install_command, is_installed, needs
from promptlab.core.json import JSON, canonical
from promptlab.core.registry import UnknownKind
from promptlab.core.suggest import suggest
from promptlab.engine.catalog import CHECKS
from promptlab.engine.check import Check
from promptlab.engine.ruling import NamedCheck, named
from promptlab.schemas.refusal import Refusal

type Location = tuple[int | str, ...]

NOT_IN_ROWS = {
    "when": "run no code",
    "transform": "run no code",
    "judge": "choose no model",
    "prompt": "name no file",
}
FORMS = "a check is a word (is-json), a map of one type and its value, or a map with `type`"


def read_check(source: JSON, context: Mapping[str, Any] | None = None) -> Check:
    """Read a check in its short or long form.

    `context` is the Pydantic validation context, which reaches nested checks, functions and schemas; with
    `literal` in it no template is one, and code is refused. Raises ValueError or ValidationError, which
    Pydantic nests with its places where this is called in a validator.
    """
    options, key = _long_form(source)
    literal = bool((context or {}).get("literal"))
    kind = _kind(options, key, literal=literal)
    if literal:
        _refuse_code(options)
    try:
        return kind.model_validate(options, context=dict(context or {}))
    except ValidationError as error:
        raise _retold(error, str(options["type"]), key) from None


def _long_form(source: JSON) -> tuple[dict[str, JSON], str | None]:
    """Give the options, and for a short form the key that the file has in place of `value` or `threshold`."""
    if isinstance(source, str):
        return {"type": source}, None
    if not isinstance(source, dict) or not source:
        raise Refusal("this is no check", hint=FORMS, code="check")
    if "type" in source:
        return source, None
    if len(source) > 1:
        raise _without_type(source)
    ((type_, value),) = source.items()
    return {"type": type_, _short_form(type_): value}, type_


def _short_form(type_: str) -> str:
    base = type_.removeprefix("not-")
    return CHECKS.get(base).short_form if base in CHECKS else "value"


def _without_type(source: Mapping[str, JSON]) -> Refusal:
    """Say how to write a map of several keys and no `type`."""
    for key in source:
        if key.removeprefix("not-") in CHECKS:
            rest = ", ".join(f"{other}: …" for other in source if other != key)
            hint = f"write {{type: {key}, {_short_form(key)}: …, {rest}}}"
            return Refusal("a check with options needs the key `type`", hint=hint, code="check")
    return Refusal("nothing says what type of check this is", hint=FORMS, code="check")


def _kind(options: Mapping[str, JSON], key: str | None, *, literal: bool) -> type[Check]:
    type_ = options["type"]
    place: Location = (key,) if key is not None else ("type",) if len(options) > 1 else ()
    if not isinstance(type_, str):
        raise _problem(place, "the type of a check is text; quote it", type_)
    try:
        kind = CHECKS.get(type_.removeprefix("not-"))
    except UnknownKind:
        raise _problem(place, f"unknown check '{type_}'", type_, hint=_meant(type_)) from None
    if literal and kind.runs_code:
        raise _problem(
            place, f"a row's own checks are data and run no code, so {type_} is not for them", type_
        )
    if kind.requires is not None and not is_installed(kind.requires):
        hint = install_command(kind.requires)
        raise _problem(place, needs(type_, kind.requires), type_, hint=hint, code="extra")
    return kind


def _meant(type_: str) -> str:
    prefix = "not-" if type_.startswith("not-") else ""
    near = suggest(type_.removeprefix("not-"), CHECKS.names())
    return f"did you mean '{prefix}{near}'?" if near else f"known: {', '.join(sorted(CHECKS.names()))}"


def _refuse_code(options: Mapping[str, JSON]) -> None:
    for key, why in NOT_IN_ROWS.items():
        if key in options:
            message = f"a row's own checks are data and {why}, so they have no `{key}`"
            raise _problem((key,), message, options[key])


def _problem(
    place: Location, message: str, value: object, *, hint: str | None = None, code: str = "check"
) -> ValidationError:
    return ValidationError.from_exception_data(
        "check", [_refused(place, message, value, hint=hint, code=code)]
    )


def _refused(
    place: Location, message: str, value: object, *, hint: str | None = None, code: str = "check"
) -> InitErrorDetails:
    refusal = Refusal(message, hint=hint, code=code)
    return InitErrorDetails(type="value_error", loc=place, input=value, ctx={"error": refusal})


def _retold(error: ValidationError, type_: str, key: str | None) -> ValidationError:
    """Tell the errors in the words of the file: places of the short form, and what is missing."""
    details = [_retold_one(item, type_, key) for item in error.errors(include_url=False)]
    return ValidationError.from_exception_data("check", details)


def _retold_one(item: ErrorDetails, type_: str, key: str | None) -> InitErrorDetails:
    place = item["loc"]
    if item["type"] == "missing" and place in (("value",), ("threshold",)):
        hint = f"write {{{_wanting(type_, str(place[0]))}}}"
        return _refused((), f"{type_} needs a {place[0]}", item["input"], hint=hint)
    if key is not None and place:
        place = (key, *place[1:])
    return InitErrorDetails(type=item["type"], loc=place, input=item["input"], ctx=item.get("ctx", {}))


def _wanting(type_: str, option: str) -> str:
    """Write a check with the option that it lacks, in the short form if that is what this gives."""
    if _short_form(type_) == option:
        return f"{type_}: …"
    return f"type: {type_}, {_short_form(type_)}: …, {option}: …"


class _RowResolver:
    """Resolves what a row's own checks name: other checks, and nothing that is a file."""

    def check(self, source: JSON, info: ValidationInfo) -> Check:
        return read_check(source, info.context)

    def json_schema(self, source: JSON) -> dict[str, JSON]:
        if not isinstance(source, dict):
            raise ValueError("a row's own check has its schema in place; it names no file")  # noqa: TRY004
        return source


_ROW_CONTEXT = {"literal": True, "resolver": _RowResolver()}


def row_checks(sources: Sequence[JSON], after: Sequence[NamedCheck] = ()) -> tuple[NamedCheck, ...]:
    """Read a row's own checks, named so that they can stand behind those of `after`.

    Cheap for checks that were read before. Raises ValueError that says all that is wrong, with places.
    """
    if not sources:
        return ()
    return named((*_pinned(after), *_row_checks(canonical(list(sources)))))[len(after) :]


def _pinned(checks: Sequence[NamedCheck]) -> Iterator[Check]:
    for name, check in checks:
        yield check.model_copy(update={"name": name})


def sound_row_checks(
    sources: Sequence[JSON], after: Sequence[NamedCheck] = ()
) -> tuple[tuple[NamedCheck, ...], dict[int, str]]:
    """Read those of a row's own checks that can be read; say by their place what is wrong with the others."""
    sound: list[JSON] = []
    faults: dict[int, str] = {}
    for index, source in enumerate(sources):
        try:
            row_checks([source])
            row_checks([*sound, source], after)
        except ValueError as error:
            faults[index] = str(error).removeprefix("0: ").removeprefix("0.")
        else:
            sound.append(source)
    return row_checks(sound, after), faults


@lru_cache(maxsize=1000)
def _row_checks(text: str) -> tuple[Check, ...]:
    checks: list[Check] = []
    problems: list[str] = []
    for index, source in enumerate(loads(text)):
        try:
            checks.append(read_check(source, _ROW_CONTEXT))
        except ValidationError as error:
            problems.extend(_told(index, item) for item in error.errors(include_url=False))
        except ValueError as error:
            problems.append(f"{index}: {_with_hint(error)}")
    if problems:
        raise ValueError("; ".join(problems))
    return tuple(checks)


def _told(index: int, item: ErrorDetails) -> str:
    place = ".".join(map(str, (index, *item["loc"])))
    error = item.get("ctx", {}).get("error")
    return f"{place}: {_with_hint(error) if isinstance(error, Exception) else item['msg']}"


def _with_hint(error: Exception) -> str:
    hint = getattr(error, "hint", None)
    return f"{error}; {hint}" if hint else str(error)
