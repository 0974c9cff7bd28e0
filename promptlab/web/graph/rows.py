"""Puts boxes into rows so that every line goes down, and finds an order in which few lines cross.

A line that passes rows has a lane in each. Long lines that leave one box, or that end at one, share lanes,
whichever spares more.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from itertools import pairwise
from typing import NamedTuple

from promptlab.core.frozen import frozen

SWEEPS = 6

type Line = tuple[str, str]  # ids: what comes first, what needs it
type Needs = Mapping[str, frozenset[str]]  # by id, in an order in which none needs a later one


class Lane(NamedTuple):
    """A place in a row that lines pass; `end`: the box at which all of them begin, or end."""

    end: str
    row: int


type Place = str | Lane


@frozen
class Grid:
    """`rows`: what stands in each from left to right; `links`: between neighbours, the upper one first.

    `courses`: the places along each line, from box to box.
    """

    rows: tuple[tuple[Place, ...], ...]
    links: tuple[tuple[Place, Place], ...]
    courses: Mapping[Line, tuple[Place, ...]] = field(default_factory=dict)


def gridded(needs: Needs, widths: Mapping[str, int], most: int) -> Grid:
    """Give rows of boxes, none wider than `most` unless by one box alone."""
    rows = [row for layer in _layers(needs) for row in _wrapped(layer, widths, most)]
    row_of = {box: number for number, row in enumerate(rows) for box in row}
    lines = [(first, box) for box in needs for first in sorted(needs[box], key=row_of.__getitem__)]
    courses = _courses(lines, row_of)
    links = tuple(dict.fromkeys(link for course in courses.values() for link in pairwise(course)))
    lanes = dict.fromkeys(place for course in courses.values() for place in course if isinstance(place, Lane))
    filled: list[list[Place]] = [
        [*row, *(lane for lane in lanes if lane.row == number)] for number, row in enumerate(rows)
    ]
    return Grid(_in_order(filled, links), links, courses)


def _layers(needs: Needs) -> list[list[str]]:
    depth: dict[str, int] = {}
    layers: dict[int, list[str]] = defaultdict(list)
    for box, before in needs.items():
        depth[box] = 1 + max((depth[one] for one in before), default=-1)
        layers[depth[box]].append(box)
    return [layers[number] for number in sorted(layers)]


def _wrapped(layer: Sequence[str], widths: Mapping[str, int], most: int) -> list[list[str]]:
    rows, room = list[list[str]](), 0
    for box in layer:
        if not rows or room < widths[box]:
            rows.append([])
            room = most
        rows[-1].append(box)
        room -= widths[box]
    return rows


def _courses(lines: Sequence[Line], row_of: Mapping[str, int]) -> dict[Line, tuple[Place, ...]]:
    long = [line for line in lines if row_of[line[1]] - row_of[line[0]] > 1]
    leaving, arriving = Counter(line[0] for line in long), Counter(line[1] for line in long)
    courses: dict[Line, tuple[Place, ...]] = {}
    for first, then in lines:
        end = first if leaving[first] >= arriving[then] else then
        passed = (Lane(end, row) for row in range(row_of[first] + 1, row_of[then]))
        courses[first, then] = (first, *passed, then)
    return courses


def _in_order(rows: list[list[Place]], links: Sequence[tuple[Place, Place]]) -> tuple[tuple[Place, ...], ...]:
    """Bring what is linked near each other, row by row, downwards and upwards by turns."""
    above, below = neighbours(links)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        numbers = range(1, len(rows)) if down else range(len(rows) - 2, -1, -1)
        for number in numbers:
            other = rows[number - 1 if down else number + 1]
            rows[number].sort(key=_middle(rows[number], other, above if down else below))
    return tuple(map(tuple, rows))


def _middle(
    row: Sequence[Place], other: Sequence[Place], linked: Mapping[Place, Sequence[Place]]
) -> Callable[[Place], float]:
    """Give the key of a place: the mean of where its neighbours stand, as shares of their row."""
    stands = {place: (number + 0.5) / len(other) for number, place in enumerate(other)}
    own = {place: (number + 0.5) / len(row) for number, place in enumerate(row)}

    def key(place: Place) -> float:
        found = [stands[one] for one in linked.get(place, ()) if one in stands]
        return sum(found) / len(found) if found else own[place]

    return key


def neighbours(
    links: Sequence[tuple[Place, Place]],
) -> tuple[Mapping[Place, Sequence[Place]], Mapping[Place, Sequence[Place]]]:
    """Give what is linked to each place in the row above, and in the row below."""
    above, below = defaultdict[Place, list[Place]](list), defaultdict[Place, list[Place]](list)
    for upper, lower in links:
        above[lower].append(upper)
        below[upper].append(lower)
    return above, below
