"""Why a step does another thing than before."""

from collections.abc import Iterator, Mapping, Sequence

from promptlab.core.frozen import frozen
from promptlab.live.affected.definition import Changed, Definition, Fact, Role, differences
from promptlab.live.affected.sides import CellPair
from promptlab.schemas.affected import Why, short

NOTHING = Definition(())
TOLD = ("params", "timeout", "max_turns", "recall", "on_error", "repeat.pass", "needs")
FILE, ROW, NEW_ROW, NEW_STEP = Why("file"), Why("row"), Why("new row"), Why("new step")


@frozen
class Reasons:
    """The reasons of one place in a cell that hold for all rows, by what of it is another.

    `needed`: the places of the steps that it waits for; `is_around`: there are steps inside it.
    """

    asks: Sequence[Why]
    result: Sequence[Why]
    judged: Sequence[Why]
    needed: Sequence[str]
    is_new: bool = False
    is_around: bool = False


def reasons_of(pair: CellPair) -> Mapping[str, Reasons]:
    """Give the reasons of each place; what holds for a step holds for those inside it."""
    found = {"": _reasons(pair, "", (), None)}
    for path, planned in pair.now.paths():
        around = found.get(path.rpartition(".")[0]) if "." in path else None
        found[path] = _reasons(pair, path, planned.needs, around)
    return found


def _reasons(
    pair: CellPair, place: str, needs: frozenset[str] | tuple[()], around: Reasons | None
) -> Reasons:
    own = tuple(_places(pair, place, needs))
    return Reasons(
        asks=_told(pair, place, "ask", "after") + (tuple(around.asks) if around is not None else ()),
        result=_told(pair, place, "result"),
        judged=_told(pair, place, "judge"),
        needed=own + (tuple(around.needed) if around is not None else ()),
        is_new=place not in pair.before.places,
        is_around=bool(pair.definition.inner.get(place)),
    )


def _places(pair: CellPair, place: str, needs: frozenset[str] | tuple[()]) -> Iterator[str]:
    beside = place.rpartition(".")[0]
    for name in sorted(needs):
        full = f"{beside}.{name}" if beside else name
        yield full if full in pair.definition.places else name


def _told(pair: CellPair, place: str, *roles: Role) -> tuple[Why, ...]:
    before = pair.before.places.get(place, NOTHING)
    found = differences(before, pair.definition.places[place], roles)
    return tuple(dict.fromkeys(_why(change) for change in found if not _is_new_step(change)))


def _is_new_step(change: Changed) -> bool:
    return change.fact.kind == "removed step" and change.after is not None


def _why(change: Changed) -> Why:
    fact = change.fact
    if fact.kind == "model":
        return Why(fact.kind, "", _name(change.before), _name(change.after))
    if fact.kind in TOLD:
        return Why(fact.kind, fact.called, _value(change.before), _value(change.after))
    return Why(fact.kind, fact.called)


def _name(fact: Fact | None) -> str | None:
    return None if fact is None else fact.name


def _value(fact: Fact | None) -> str | None:
    return None if fact is None or fact.value is None else short(fact.value)
