"""The columns that are ours: `$id`, `$tags`, `$checks`."""

from collections.abc import Mapping
from functools import lru_cache

from promptlab.core.display import shown
from promptlab.core.json import JSON
from promptlab.loader.document import parse_yaml
from promptlab.loader.problems import Problems, did_you_mean
from promptlab.loader.rows.record import RowFault

__all__ = ["checks_of", "refuse_unknown", "tags_of"]

OURS = ("$id", "$tags", "$checks")
NOT_IN_ROWS = frozenset({"python", "expression", "when", "transform"})
FLOW = "in CSV write it as YAML, as [{icontains: refund}]"


def refuse_unknown(columns: Mapping[str, JSON]) -> None:
    """Raises RowFault for a column that begins with `$` and is not ours."""
    for column in columns:
        if column.startswith("$") and column not in OURS:
            message = f"the column {shown(column)} is unknown; names that begin with $ are ours"
            raise RowFault(message, code="unknown-key", column=column, hint=did_you_mean(column, OURS)())


def tags_of(values: Mapping[str, JSON], *, cells_are_text: bool) -> tuple[str, ...]:
    """A row's tags; raises RowFault."""
    found = _value(values, "$tags", cells_are_text=cells_are_text)
    if found is None:
        return ()
    if not isinstance(found, list):
        raise RowFault(
            f"$tags must be a list, not {shown(found)}", code="tags", column="$tags", hint="write [tag]"
        )
    for tag in found:
        if not isinstance(tag, str) or not tag.strip():
            message = f"a tag must be text, not {shown(tag)}"
            raise RowFault(message, code="tags", column="$tags", hint="quote it")
    return tuple(str(tag) for tag in found)


def checks_of(values: Mapping[str, JSON], *, cells_are_text: bool) -> tuple[JSON, ...]:
    """A row's own checks as they are written; raises RowFault for what data may not ask for."""
    found = _value(values, "$checks", cells_are_text=cells_are_text)
    if found is None:
        return ()
    if not isinstance(found, list):
        message = f"$checks must be a list of checks, not {shown(found)}"
        raise RowFault(message, code="checks", column="$checks", hint="write [{icontains: refund}]")
    for check in found:
        _refuse_code(check)
    return tuple(found)


def _refuse_code(check: JSON) -> None:
    if isinstance(check, list):
        for inner in check:
            _refuse_code(inner)
        return
    if not isinstance(check, str | dict):
        message = f"a check must be a map or the name of a type, not {shown(check)}"
        raise RowFault(message, code="checks", column="$checks", hint="write {icontains: refund}")
    kind = check if isinstance(check, str) else check.get("type")
    names = {kind.removeprefix("not-")} if isinstance(kind, str) else set()
    keys = {key.removeprefix("not-") for key in check} if isinstance(check, dict) else set()
    for name in sorted((names | keys) & NOT_IN_ROWS):
        message = f"{name} may not stand in the $checks of a row"
        raise RowFault(message, code="checks", column="$checks", hint="put the check into the pipeline")
    for inner in check.values() if isinstance(check, dict) else ():
        if isinstance(inner, list) and any(isinstance(one, dict) for one in inner):
            _refuse_groups(inner)


def _refuse_groups(members: list[JSON]) -> None:
    for member in members:
        if isinstance(member, dict):
            _refuse_code(member)


def _value(values: Mapping[str, JSON], column: str, *, cells_are_text: bool) -> JSON:
    found = values.get(column)
    if not cells_are_text or not isinstance(found, str):
        return found
    return _flow(column, found) if found.strip() else None


@lru_cache(maxsize=1024)
def _flow(column: str, text: str) -> JSON:
    problems = Problems(1)
    document = parse_yaml(column, text, problems, top="any")
    first = next(iter(problems), None)
    if first is not None:
        raise RowFault(f"{column}: {first.message}", code="yaml", column=column, hint=first.hint or FLOW)
    return None if document is None else document.value
