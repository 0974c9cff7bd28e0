"""Where the boxes of a grid stand, in pixels: each as near to what it is linked to as its row lets it."""

from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise

from promptlab.core.frozen import frozen
from promptlab.web.graph.rows import Grid, Lane, Place, neighbours

GAP = 24  # between boxes of a row
BESIDE = 8  # a lane
BETWEEN = 34  # between rows, for lines to turn
LANE = 10
ROUNDS = 8

type Size = tuple[float, float]  # width, height


@frozen
class Placed:
    """`middles`: across, of boxes and lanes; `tops`: of rows, with their `heights`; all from 0."""

    middles: Mapping[Place, float]
    tops: Sequence[float]
    heights: Sequence[float]
    width: float
    height: float


def placed(grid: Grid, sizes: Mapping[str, Size]) -> Placed:
    widths = {place: _width(place, sizes) for row in grid.rows for place in row}
    middles = _middles(grid, widths)
    left = min(middles[place] - widths[place] / 2 for place in middles)
    right = max(middles[place] + widths[place] / 2 for place in middles)
    heights = [max(_height(place, sizes) for place in row) for row in grid.rows]
    tops = [sum(heights[:number]) + BETWEEN * number for number in range(len(heights))]
    moved = {place: round(middle - left, 1) for place, middle in middles.items()}
    return Placed(moved, tops, heights, round(right - left, 1), tops[-1] + heights[-1])


def _width(place: Place, sizes: Mapping[str, Size]) -> float:
    return LANE if isinstance(place, Lane) else sizes[place][0]


def _height(place: Place, sizes: Mapping[str, Size]) -> float:
    return 0 if isinstance(place, Lane) else sizes[place][1]


def _middles(grid: Grid, widths: Mapping[Place, float]) -> dict[Place, float]:
    above, below = neighbours(grid.links)
    edge = max(_offsets(row, widths)[-1] + (widths[row[0]] + widths[row[-1]]) / 2 for row in grid.rows) / 2
    middles: dict[Place, float] = {}
    for row in grid.rows:
        middles |= _apart(row, dict.fromkeys(row, 0.0), widths, edge)
    for number in range(ROUNDS):
        linked, rows = (above, grid.rows) if number % 2 == 0 else (below, grid.rows[::-1])
        for row in rows:
            wishes = {place: _wish(place, linked, middles) for place in row}
            middles |= _apart(row, wishes, widths, edge)
    return middles


def _wish(place: Place, linked: Mapping[Place, Sequence[Place]], middles: Mapping[Place, float]) -> float:
    found = [middles[one] for one in linked.get(place, ())] or [middles[place]]
    return sum(found) / len(found)


def _apart(
    row: Sequence[Place], wishes: Mapping[Place, float], widths: Mapping[Place, float], edge: float
) -> dict[Place, float]:
    """Give middles in order and apart that are nearest to what is wished, by least squares.

    Less the room that those before take, they need not be apart, only in order: neighbours whose wishes are
    in the wrong order stand at their mean. `edge`: how far from 0 the row may reach, to both sides.
    """
    offsets = _offsets(row, widths)
    blocks: list[tuple[float, int]] = []  # the sum of wishes, of how many
    for place, offset in zip(row, offsets, strict=True):
        total, count = wishes[place] - offset, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / count:
            before, many = blocks.pop()
            total, count = total + before, count + many
        blocks.append((total, count))
    least, most = widths[row[0]] / 2 - edge, edge - widths[row[-1]] / 2 - offsets[-1]
    means = [min(max(total / count, least), most) for total, count in blocks for _ in range(count)]
    return {place: mean + offset for place, mean, offset in zip(row, means, offsets, strict=True)}


def _offsets(row: Sequence[Place], widths: Mapping[Place, float]) -> list[float]:
    """Give how far right of the first each stands at least."""
    return [0.0, *accumulate(_distance(one, other, widths) for one, other in pairwise(row))]


def _distance(place: Place, following: Place, widths: Mapping[Place, float]) -> float:
    gap = BESIDE if isinstance(place, Lane) or isinstance(following, Lane) else GAP
    return (widths[place] + widths[following]) / 2 + gap
