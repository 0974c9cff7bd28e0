"""`@frozen`: what its classes share with frozen dataclasses."""

from collections.abc import Mapping
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields
from functools import cached_property
from typing import Any

import pytest

from promptlab.core.frozen import frozen, replace, slotted


@frozen
class Point:
    x: int
    y: int = 2
    tags: list[str] = field(default_factory=list)
    origin: str = field(default="here", compare=False)
    secret: str = field(default="", repr=False)


@frozen(kw_only=True)
class Named:
    """Named alone."""

    name: str
    size: int = 0

    def __repr__(self) -> str:
        return f"<{self.name}>"


@frozen(slots=False)
class Squared:
    x: int

    @cached_property
    def square(self) -> int:
        return self.x**2


@slotted
class Counter:
    step: int = 1
    seen: list[int] = field(default_factory=list, init=False)
    last: int = field(init=False)
    total: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.last = -self.step


@frozen
class Empty:
    """Without any field."""


@dataclass(frozen=True, slots=True)
class Standard:
    x: int
    y: int = 2
    tags: list[str] = field(default_factory=list)
    origin: str = field(default="here", compare=False)
    secret: str = field(default="", repr=False)


@pytest.mark.parametrize("given", [{"x": 1}, {"x": 1, "y": 3, "tags": ["a"]}, {"x": 0, "origin": "there"}])
def test_a_value_is_what_a_frozen_dataclass_would_be(given: Mapping[str, Any]) -> None:
    """
    Given the same fields, once `@frozen` and once as a frozen dataclass with slots,
    when both are made of the same,
    then they show, unfold and have slots alike.
    """
    ours, theirs = Point(**given), Standard(**given)

    assert asdict(ours) == asdict(theirs)
    assert repr(ours) == repr(theirs).replace("Standard", "Point")
    assert [one.name for one in fields(ours)] == [one.name for one in fields(theirs)]
    assert (Point.__match_args__, Point.__slots__) == (Standard.__match_args__, Standard.__slots__)  # type: ignore[attr-defined]
    assert not hasattr(ours, "__dict__")


def test_values_are_equal_and_hashed_by_what_is_compared() -> None:
    """
    Given values that differ in a field that is compared, in one that is not, or in their class,
    when they are compared,
    then only what is compared counts, and nothing equals another class.
    """
    named = Named(name="a")

    assert Point(1, origin="there") == Point(1)
    assert Point(1) != Point(2)
    assert Point(1).__eq__(Standard(1)) is NotImplemented
    assert (hash(named), hash(Empty())) == (hash(Named(name="a", size=0)), hash(Empty()))
    assert (named, Empty()) == (Named(name="a"), Empty())


def test_a_value_cannot_be_changed() -> None:
    """
    Given a value,
    when a field is set or deleted,
    then it is refused, and `replace` gives another value.
    """
    point = Point(1)

    with pytest.raises(FrozenInstanceError, match="'x' of a Point"):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del point.x

    assert (point, replace(point, x=2)) == (Point(1), Point(2))


def test_defaults_are_made_anew_and_names_may_be_asked_for() -> None:
    """
    Given a class with a default that is made, and one whose fields go by name,
    when values are made,
    then none shares a list with another, and what is missing or has no name is refused.
    """
    one, other = Point(1), Point(1)

    assert one.tags is not other.tags
    assert repr(Named(name="a")) == "<a>"
    with pytest.raises(TypeError, match=r"Point\.__init__\(\) missing 1 required positional argument: 'x'"):
        Point()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Named("a")  # type: ignore[call-arg]


def test_a_replaced_value_is_made_as_any_other() -> None:
    """
    Given instances of each kind, some fields of which are not given,
    when some of their fields are replaced,
    then the rest is as it was, what is not given is made anew, and what is no field is refused.
    """
    counter = Counter(step=3)
    counter.seen.append(1)

    assert replace(Named(name="a", size=1), size=2) == Named(name="a", size=2)
    assert replace(Standard(1), y=4) == Standard(1, 4)
    assert (replace(counter, step=4).last, replace(counter).seen) == (-4, [])
    with pytest.raises(TypeError):
        replace(Point(1), z=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        replace(counter, total=1)


def test_a_value_may_keep_what_it_worked_out() -> None:
    """
    Given a class without slots,
    when a cached property of a value is asked for twice,
    then it is worked out once, and no part of the value.
    """
    value = Squared(3)

    assert value.square is value.square
    assert (value, replace(value, x=4).square) == (Squared(3), 16)
    with pytest.raises(FrozenInstanceError):
        value.x = 2  # type: ignore[misc]


def test_a_slotted_class_is_what_a_dataclass_with_slots_would_be() -> None:
    """
    Given a class whose fields may be set, some of which are not given,
    when instances are made, and fields set,
    then they have what they were given and their defaults, are compared by it, and cannot be hashed.
    """
    one, other = Counter(), Counter(1)
    other.seen.append(1)
    fresh = Counter(step=2)

    assert (one.seen, one.total, one.last, fresh.last) == ([], 0, -1, -2)
    assert one != other
    other.seen.clear()
    assert one == other
    assert repr(one) == "Counter(step=1, seen=[], last=-1, total=0)"
    with pytest.raises(TypeError):
        hash(one)
    with pytest.raises(AttributeError):
        one.more = 1  # type: ignore[attr-defined]
    with pytest.raises(TypeError):
        Counter(total=1)  # type: ignore[call-arg]
