"""What made the messages of a step, the arguments of a function or a request over HTTP others than before."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from promptlab.core.json import canonical
from promptlab.engine.places import place_of
from promptlab.engine.plan import PlannedStep
from promptlab.engine.sources import includes_of, prompt_of, texts_of, words_of
from promptlab.live.explaining.compared import Compared, is_told
from promptlab.schemas.explained import Change

type Given = Iterable[Mapping[str, Any]]


def given_changes(one: Compared) -> Iterator[Change]:
    """Give the first that explains it: code and tools, texts and the row, earlier answers, files."""
    if one.planned.target is None and one.differs("code"):
        yield _code(one)
    if one.asked is not None and one.asked_before is not None and one.asked.given == one.asked_before.given:
        return
    for find in (_turn, _texts_and_row, _texts_around, _answers, _attached, _conversations):
        found = list(find(one))
        if found:
            yield from found
            return


def _code(one: Compared) -> Change:
    return Change("code", _named(one.files.code(one.planned)) or "function")


def _turn(one: Compared) -> Iterator[Change]:
    """Of a later turn of a conversation: what a tool gave, or the model's answer before."""
    message = one.first_new_message()
    if not one.is_later_turn or message is None:
        return
    if message["role"] != "tool":
        yield Change("answer", place_of(one.own.step))
    elif one.differs("code"):
        yield _code(one)
    else:
        yield Change("tool", f"what {_tool(one, message)} gave")


def _tool(one: Compared, message: Mapping[str, Any]) -> str:
    said = one.asked.given if one.asked is not None else ()
    calls = (call for each in said for call in each.get("tool_calls", ()))
    return next((call["name"] for call in calls if call["id"] == message.get("tool_call_id")), "it")


def _texts_and_row(one: Compared) -> Iterator[Change]:
    is_edited = one.differs("template")
    if is_edited:
        yield _edited(one, one.planned, one.own.step)
    included = one.files.includes(one.planned)
    if one.differs("includes") and (included or not is_edited):
        yield Change("include", _named(included) or "of the template")
    names = _row(one)
    if names:
        yield Change("row", ", ".join(names))


def _row(one: Compared) -> list[str]:
    """Give the inputs that changed, of those that the step or one around it may name."""
    if one.own.row_digest == one.before.row_digest:
        return []
    rows = one.surroundings.inputs
    new, old = rows.get(one.own.row_digest, {}), rows.get(one.before.row_digest, {})
    seen = frozenset().union(*(words_of(planned.step) for planned in one.line))
    return [name for name in {**new, **old} if name in seen and old.get(name) != new.get(name)]


def _texts_around(one: Compared) -> Iterator[Change]:
    """A `with` or `foreach` of a step around this one."""
    for path, _, planned in list(one.around())[1:]:
        own, before = one.peers.get(path), one.peers_before.get(path)
        if own and before and None not in (own.template, before.template) and own.template != before.template:
            yield _edited(one, planned, path)


def _edited(one: Compared, planned: PlannedStep, path: str) -> Change:
    """Say what of a step's own texts changed: all that it gives to what it runs, or a text of its own."""
    step = planned.step
    if step.key == "foreach":
        return Change("foreach", place_of(path))
    is_all_given = step.key in ("pipeline", "python") or prompt_of(step) is not None
    if step.bindings and is_all_given and not one.files.prompt(planned):
        return Change("with", place_of(path))
    return Change("template", _named(one.files.template(planned)) or step.key)


def _answers(one: Compared) -> Iterator[Change]:
    for path in _paths_needed(one):
        own, before = one.peers.get(path), one.peers_before.get(path)
        if own is not None and (before is None or own.ended != before.ended):
            yield _behind(one, path)


def _behind(one: Compared, path: str) -> Change:
    """Say what made an answer another; of functions that are run each time it is told here alone.

    A log that has no digests of them cannot tell.
    """
    place = place_of(path)
    planned, own, before = one.beside[place], one.peers[path], one.peers_before.get(path)
    if before is None or is_told(planned):
        return Change("answer", place)
    if before.code is not None and own.code != before.code:
        return Change("code", f"{_named(one.files.code(planned)) or 'function'} of {place}")
    if before.code is not None and own.template != before.template:
        return _edited(one, planned, path)
    within = path.removesuffix(planned.step.id)
    for name in sorted(planned.needs - planned.for_checks):
        needed, needed_before = one.peers.get(f"{within}{name}"), one.peers_before.get(f"{within}{name}")
        if needed is not None and (needed_before is None or needed.ended != needed_before.ended):
            return _behind(one, f"{within}{name}")
    return Change("answer", place)


def _paths_needed(one: Compared) -> dict[str, None]:
    """Give the steps that this one and those around it wait for, and for items in order the one before."""
    found: dict[str, None] = {}
    levels = list(one.around())
    for depth, (_, _, planned) in enumerate(levels):
        names = sorted(planned.needs - planned.for_checks)
        paths = [f"{within}{name}" for name in names for _, within, _ in levels[depth:]]
        paths += _item_before(planned, levels[depth - 1][1]) if depth else []
        found |= dict.fromkeys(path for path in paths if path in one.peers)
    return found


def _item_before(planned: PlannedStep, within: str) -> Iterator[str]:
    """Give the steps of the item before that which stands before a path, where items run in order."""
    around, _, item = within.removesuffix("].").rpartition("[")
    if planned.in_order and item.isdigit() and int(item):
        yield from (f"{around}[{int(item) - 1}].{inner.step.id}" for inner in planned.inner)


def _attached(one: Compared) -> Iterator[Change]:
    """A file that the step attaches, or reads by a path that is written in it."""
    if one.asked is None or one.asked_before is None or one.asked.kind != "model":
        return
    new = _digests(one.asked.given).keys() - _digests(one.asked_before.given).keys()
    paths = _digests(one.messages(one.own))
    names = {paths[digest] for digest in new if digest in paths}
    text = canonical([texts_of(one.planned.step), includes_of(one.planned.step)])
    names |= {path for path in one.files.of_kind("data", "schema") if path in text}
    if names:
        yield Change("file", ", ".join(sorted(names)))


def _digests(messages: Given) -> dict[str, str]:
    """Give the paths of what is attached, as far as they are told, by content."""
    contents = (message["content"] for message in messages)
    parts = (part for content in contents if isinstance(content, list) for part in content)
    return {part["sha256"]: part.get("path") or "" for part in parts if "sha256" in part}


def _conversations(one: Compared) -> Iterator[Change]:
    """A step before this one that gave the same, but was asked otherwise; templates see its messages."""
    for path in _paths_needed(one):
        own, before = one.peers[path], one.peers_before.get(path)
        if before is not None and one.messages(own) != one.messages(before):
            yield Change("answer", f"{place_of(path)}.messages")


def _named(files: Iterable[str]) -> str:
    return ", ".join(files)
