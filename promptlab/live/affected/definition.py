"""What a step of a cell is made of, as facts that can be compared with those of another commit."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from functools import cached_property
from typing import Literal

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON, canonical, digest

type Role = Literal["ask", "after", "result", "judge"]


@frozen
class Fact:
    """Something that a file says of a step. `slot`: what it is called, alike in both commits.

    `role`: it is part of the first request (`ask`), of what may follow on the answer to that (`after`), of
    what is made of the answers (`result`), or of how that is judged (`judge`). `name`: as people know it.
    """

    role: Role
    kind: str
    slot: str
    value: JSON
    name: str = ""

    @property
    def key(self) -> tuple[Role, str, str]:
        return self.role, self.kind, self.slot

    @property
    def called(self) -> str:
        return self.name or self.slot


@frozen
class Bound:
    """What `with` says of a name: the digest of its template, and the words in that."""

    said: str
    words: frozenset[str]


@frozen(slots=False)
class Definition:
    """The facts of a step, and the words of its templates, among which are the names that it uses.

    `bound`: what steps inside it see by name in place of all else; `frame_words`: those of all but `with`.
    `result_words`: those of what is made once steps inside it are done; `judge_words`: those of its checks,
    None where they may look at all columns.
    """

    facts: tuple[Fact, ...]
    words: frozenset[str] = frozenset()
    bound: Mapping[str, Bound] = field(default_factory=dict)
    frame_words: frozenset[str] = frozenset()
    result_words: frozenset[str] = frozenset()
    judge_words: frozenset[str] | None = frozenset()

    def facts_of(self, *roles: Role) -> Iterator[Fact]:
        return (fact for fact in self.facts if fact.role in roles)

    @cached_property
    def ask(self) -> str:
        """The digest of all that is asked, while nothing of it is rendered."""
        return _digest(self.facts_of("ask", "after"))

    @cached_property
    def frame(self) -> str:
        """The digest of what is asked, but for `with`."""
        return _digest(fact for fact in self.facts_of("ask", "after") if fact.kind != "with")

    @cached_property
    def after(self) -> str:
        return _digest(self.facts_of("after"))

    @cached_property
    def result(self) -> str:
        return _digest(self.facts_of("result"))

    @cached_property
    def judge(self) -> str:
        return _digest(self.facts_of("judge"))

    @cached_property
    def asking(self) -> str:
        return _digest(self.facts_of("ask", "after", "result"))

    @cached_property
    def whole(self) -> str:
        return _digest(self.facts_of("ask", "after", "result", "judge"))


def _digest(facts: Iterable[Fact]) -> str:
    return digest(sorted([fact.role, fact.kind, fact.slot, canonical(fact.value)] for fact in facts))


@frozen
class CellDefinition:
    """By place, what each step is made of; "" is the pipeline itself. `inner`: the places inside a place.

    `reads_files`: rows or templates name files, whose contents no definition shows.
    """

    places: Mapping[str, Definition]
    reads_files: bool = False
    inner: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def asking(self) -> dict[str, str]:
        """What is alike in two cells that ask and make the same."""
        return {place: definition.asking for place, definition in self.places.items() if place}

    @property
    def signature(self) -> dict[str, str]:
        """What is alike in two cells that do the same."""
        return {place: definition.whole for place, definition in self.places.items()}


@frozen
class Changed:
    """A fact as it was and as it is; None: there was or is none."""

    before: Fact | None
    after: Fact | None

    @property
    def is_real(self) -> bool:
        if self.before is None or self.after is None:
            return True
        return canonical(self.before.value) != canonical(self.after.value)

    @property
    def fact(self) -> Fact:
        found = self.after or self.before
        assert found is not None  # noqa: S101 - one of them is there
        return found


def differences(before: Definition, after: Definition, roles: Iterable[Role]) -> list[Changed]:
    """Give the facts that are not alike, in the order in which they are told."""
    old, new = _numbered(before.facts_of(*roles)), _numbered(after.facts_of(*roles))
    pairs = [Changed(old.get(key), new.get(key)) for key in dict.fromkeys((*new, *old))]
    return [pair for pair in pairs if pair.is_real]


def _numbered(facts: Iterable[Fact]) -> dict[tuple[object, int], Fact]:
    """Give facts by their keys; those of one key, as two gates on one metric, in their order."""
    seen = Counter[object]()
    found: dict[tuple[object, int], Fact] = {}
    for fact in facts:
        found[fact.key, seen[fact.key]] = fact
        seen[fact.key] += 1
    return found
