"""The shapes of a graph, in pixels: boxes with their texts, and the lines between them."""

from typing import Literal, Self

from promptlab.core.frozen import frozen, replace
from promptlab.web.graph.nodes import Node

type Style = Literal["title", "kind", "says", "model", "when", "notes"]


@frozen(kw_only=True)
class Text:
    """`x`, `y`: where its base line begins (of a `kind`: ends). `whole`: all of it, where it was cut."""

    x: float
    y: float
    style: Style
    text: str
    whole: str | None = None

    def moved(self, x: float, y: float) -> Self:
        return replace(self, x=round(self.x + x, 1), y=round(self.y + y, 1))


@frozen(kw_only=True)
class Box:
    node: Node
    x: float
    y: float
    width: float
    height: float
    texts: tuple[Text, ...]

    def moved(self, x: float, y: float) -> Self:
        texts = tuple(text.moved(x, y) for text in self.texts)
        return replace(self, x=round(self.x + x, 1), y=round(self.y + y, 1), texts=texts)


@frozen
class Stroke:
    """A line that leaves the first point downwards; `may_skip`: what it leads to has a `when`."""

    points: tuple[tuple[float, float], ...]
    may_skip: bool

    @property
    def path(self) -> str:
        """What SVG draws: by turns straight down a row, and curved to the next one."""
        (x, y), *rest = self.points
        said = [f"M{x:g} {y:g}"]
        for number, (to_x, to_y) in enumerate(rest):
            middle = round((y + to_y) / 2)
            is_straight = number % 2 == 0
            said.append(
                f"V{to_y:g}" if is_straight else f"C{x:g} {middle} {to_x:g} {middle} {to_x:g} {to_y:g}"
            )
            x, y = to_x, to_y
        return "".join(said)

    def moved(self, x: float, y: float) -> Self:
        points = tuple((round(one + x, 1), round(other + y, 1)) for one, other in self.points)
        return replace(self, points=points)


@frozen
class Shapes:
    """What is drawn from 0, 0, in the order in which it is painted."""

    width: float = 0
    height: float = 0
    boxes: tuple[Box, ...] = ()
    strokes: tuple[Stroke, ...] = ()

    def moved(self, x: float, y: float) -> Self:
        boxes = tuple(box.moved(x, y) for box in self.boxes)
        return replace(self, boxes=boxes, strokes=tuple(stroke.moved(x, y) for stroke in self.strokes))
