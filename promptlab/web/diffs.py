"""What differs between two texts as rows of a table: lines beside each other, with their words marked."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, zip_longest
from typing import Literal

from promptlab.analysis.line_diff import DiffLine, Hunk, Kind
from promptlab.core.frozen import frozen
from promptlab.core.word_diff import Piece, word_diff

LONGEST = 500  # characters of a line
MOST_LINES = 400
ALIKE = 0.3  # of their characters: below it, two lines have nothing to do with each other

type View = Literal["split", "unified"]


@frozen
class Side:
    """A line of one text, by its number from 1."""

    number: int
    pieces: tuple[Piece, ...]


@frozen
class Row:
    """A line as it was and as it became; None: there is none. `is_same`: nothing happened to it."""

    before: Side | None
    after: Side | None
    is_same: bool = False


@frozen
class Line:
    """A row of both texts in one: a line that is in both, or in one of them alone."""

    kind: Kind
    before: int | None
    after: int | None
    pieces: tuple[Piece, ...]


@frozen
class Block:
    """Rows that follow each other in both texts."""

    rows: tuple[Row, ...]

    @property
    def in_one(self) -> Iterator[Line]:
        """Give the lines below each other: of what changed first those that were, then those that are."""
        for is_same, group in groupby(self.rows, lambda row: row.is_same):
            rows = list(group)
            if is_same:
                yield from (Line("same", old.number, new.number, old.pieces) for old, new in _both(rows))
                continue
            old_lines = (row.before for row in rows if row.before is not None)
            yield from (Line("removed", side.number, None, side.pieces) for side in old_lines)
            new_lines = (row.after for row in rows if row.after is not None)
            yield from (Line("added", None, side.number, side.pieces) for side in new_lines)


@frozen
class DiffView:
    """`left`: how many lines are not shown."""

    blocks: tuple[Block, ...]
    added: int
    removed: int
    left: int = 0


def diff_view(hunks: Sequence[Hunk], *, most: int = MOST_LINES) -> DiffView:
    """Give the rows of hunks, `most` lines of them."""
    blocks, left = list[Block](), 0
    for hunk in hunks:
        shown = hunk.lines[: max(most, 0)]
        left += len(hunk.lines) - len(shown)
        most -= len(shown)
        if shown:
            blocks.append(Block(tuple(_rows(shown, hunk.before, hunk.after))))
    kinds = [line.kind for hunk in hunks for line in hunk.lines]
    return DiffView(tuple(blocks), kinds.count("added"), kinds.count("removed"), left)


def _both(rows: Iterable[Row]) -> Iterator[tuple[Side, Side]]:
    return ((row.before, row.after) for row in rows if row.before is not None and row.after is not None)


def _rows(lines: Iterable[DiffLine], before: int, after: int) -> Iterator[Row]:
    for is_same, group in groupby(lines, lambda line: line.kind == "same"):
        found = list(group)
        old = [line.text[:LONGEST] for line in found if line.kind != "added"]
        new = [line.text[:LONGEST] for line in found if line.kind != "removed"]
        for index, (one, other) in enumerate(zip_longest(old, new)):
            left, right = _pieces(one, other, is_same=is_same)
            yield Row(_side(before + index, left), _side(after + index, right), is_same)
        before, after = before + len(old), after + len(new)


def _side(number: int, pieces: tuple[Piece, ...] | None) -> Side | None:
    return None if pieces is None else Side(number, pieces)


def _pieces(
    old: str | None, new: str | None, *, is_same: bool
) -> tuple[tuple[Piece, ...] | None, tuple[Piece, ...] | None]:
    """Mark the words of two lines, unless they are the same, or have next to nothing in common."""
    if is_same or old is None or new is None:
        return _whole(old), _whole(new)
    found = word_diff(old, new, around=LONGEST)
    shared = sum(len(piece.text) for piece in found if piece.kind == "same")
    if shared < ALIKE * max(len(old), len(new)):
        return _whole(old), _whole(new)
    return (
        tuple(piece for piece in found if piece.kind != "new"),
        tuple(piece for piece in found if piece.kind != "old"),
    )


def _whole(text: str | None) -> tuple[Piece, ...] | None:
    return None if text is None else (Piece("same", text),)
