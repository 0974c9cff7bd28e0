"""Draws nodes: boxes with what is inside them, texts cut to their room, lines from box to box."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from promptlab.core.display import cells, masked
from promptlab.core.frozen import frozen, replace
from promptlab.core.words import plural
from promptlab.reports.inert import one_line
from promptlab.web.graph.nodes import Node
from promptlab.web.graph.placing import Placed, Size, placed
from promptlab.web.graph.rows import Grid, Lane, Place, gridded
from promptlab.web.graph.shapes import Box, Shapes, Stroke, Style, Text

WIDTH = 228
MARGIN = 6
PADDING = 12
HEAD, LINE = 26, 16
WIDEST = (1000, 740, 500)  # rows, by how deep inside groups
TITLE_CELL, CELL = 7.9, 6.7  # of monospaced fonts of 13 and 11 pixels
LONGEST = 400
MOST = 150


@frozen
class Drawing:
    """`left`: how many nodes are not in it."""

    shapes: Shapes
    left: int = 0


def drawing_of(nodes: Sequence[Node]) -> Drawing:
    """Draw nodes and what is inside them; of very many without the insides, and only so many."""
    count = sum(1 for node in nodes for _ in node.all())
    shown = list(nodes if count <= MOST else _without_insides(nodes[:MOST]))
    drawn = _drawn(shown, 0)
    framed = replace(drawn.moved(MARGIN, MARGIN), width=drawn.width + 2 * MARGIN)
    left = 0 if count <= MOST else count - len(shown)
    return Drawing(replace(framed, height=drawn.height + 2 * MARGIN), left)


def _without_insides(nodes: Sequence[Node]) -> Iterator[Node]:
    kept = {node.id for node in nodes}
    return (replace(node, needs=node.needs & kept, inner=()) for node in nodes)


def _drawn(nodes: Sequence[Node], depth: int) -> Shapes:
    """Draw nodes that stand beside each other, a group before what is inside it."""
    insides = {node.id: _drawn(node.inner, depth + 1) for node in nodes if node.inner}
    sizes = {node.id: _size(node, insides.get(node.id)) for node in nodes}
    widths = {box: round(width) for box, (width, _) in sizes.items()}
    grid = gridded({node.id: node.needs for node in nodes}, widths, WIDEST[min(depth, len(WIDEST) - 1)])
    where = placed(grid, sizes)
    row_of = {place: number for number, row in enumerate(grid.rows) for place in row}
    skipped = frozenset(node.id for node in nodes if node.when)
    boxes, strokes = list[Box](), list(_strokes(grid, where, sizes, skipped))
    for node in nodes:
        size = sizes[node.id]
        x, y = where.middles[node.id] - size[0] / 2, where.tops[row_of[node.id]]
        boxes.append(_box(node, size).moved(x, y))
        if node.id in insides:
            inside = insides[node.id]
            within = inside.moved(x + (size[0] - inside.width) / 2, y + _head(node))
            boxes += within.boxes
            strokes += within.strokes
    return Shapes(where.width, where.height, tuple(boxes), tuple(strokes))


def _size(node: Node, inside: Shapes | None) -> Size:
    if inside is None:
        return WIDTH, _head(node)
    return max(WIDTH, inside.width + 2 * PADDING), _head(node) + inside.height + PADDING


def _head(node: Node) -> int:
    return HEAD + LINE * len(_lines(node)) + PADDING // 2


def _lines(node: Node) -> list[tuple[Style, str]]:
    checks = (plural(node.checks, "check"),) if node.checks else ()
    found: list[tuple[Style, str]] = [
        ("says", node.says),
        ("model", node.model or ""),
        ("when", f"when {node.when}" if node.when else ""),
        ("notes", " · ".join((*checks, *node.notes))),
    ]
    return [(style, one_line(masked(text), LONGEST)) for style, text in found if text]


def _box(node: Node, size: Size) -> Box:
    width, room = size[0], size[0] - 2 * PADDING
    of_title = (room - (cells(node.kind) + 1) * CELL) / TITLE_CELL
    texts = [
        _text(PADDING, 20, "title", node.id, of_title),
        Text(x=width - PADDING, y=20, style="kind", text=node.kind),
    ]
    for number, (style, said) in enumerate(_lines(node), 1):
        texts.append(_text(PADDING, 20 + LINE * number, style, said, room / CELL))
    return Box(node=node, x=0, y=0, width=width, height=size[1], texts=tuple(texts))


def _text(x: float, y: float, style: Style, said: str, room: float) -> Text:
    clipped = _clipped(said, int(room))
    return Text(x=x, y=y, style=style, text=clipped, whole=said if clipped != said else None)


def _clipped(text: str, room: int) -> str:
    if cells(text) <= room:
        return text
    while cells(text) > room - 1:
        text = text[:-1]
    return f"{text}…"


def _strokes(
    grid: Grid, where: Placed, sizes: Mapping[str, Size], skipped: Collection[str]
) -> Iterator[Stroke]:
    row_of = {place: number for number, row in enumerate(grid.rows) for place in row}

    def points(course: Sequence[Place]) -> Iterator[tuple[float, float]]:
        """Give where a line leaves its box, then where it leaves and enters rows, and where it ends."""
        for number, place in enumerate(course):
            x, row = where.middles[place], row_of[place]
            top, bottom = where.tops[row], where.tops[row] + where.heights[row]
            if number:
                yield x, top
            elif not isinstance(place, Lane):
                yield x, top + sizes[place][1]
            if number < len(course) - 1:
                yield x, bottom

    for (_, then), course in grid.courses.items():
        yield Stroke(tuple(points(course)), then in skipped)
