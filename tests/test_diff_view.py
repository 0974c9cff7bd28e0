"""What differs between two texts, as rows beside or below each other."""

from promptlab.analysis.line_diff import hunks_between
from promptlab.web.diffs import diff_view

OLD = "one\nSay hello to them.\nthree\nfour\n"
NEW = "one\nSay hello to all.\nand stop\nthree\n"


def test_lines_stand_beside_each_other_with_their_words_marked() -> None:
    """
    Given two texts in which a line changed, one was added, and one taken away,
    when what differs is shown,
    then the changed line stands beside its old form with its words marked, the others beside nothing.
    """
    view = diff_view(hunks_between(OLD, NEW))

    (block,) = view.blocks
    rows = [
        (row.before and row.before.number, row.after and row.after.number, row.is_same) for row in block.rows
    ]
    assert rows == [(1, 1, True), (2, 2, False), (None, 3, False), (3, 4, True), (4, None, False)]
    changed = block.rows[1]
    assert changed.before is not None
    assert changed.after is not None
    assert [piece.text for piece in changed.before.pieces if piece.kind == "old"] == ["them"]
    assert [piece.text for piece in changed.after.pieces if piece.kind == "new"] == ["all"]
    assert (view.added, view.removed, view.left) == (2, 2, 0)


def test_lines_stand_below_each_other() -> None:
    """
    Given the same two texts,
    when what differs is shown in one column,
    then it reads as `diff -u` writes it.
    """
    (block,) = diff_view(hunks_between(OLD, NEW)).blocks

    assert [(line.kind, line.before, line.after) for line in block.in_one] == [
        ("same", 1, 1),
        ("removed", 2, None),
        ("added", None, 2),
        ("added", None, 3),
        ("same", 3, 4),
        ("removed", 4, None),
    ]


def test_lines_with_nothing_in_common_are_not_mingled() -> None:
    """
    Given a line that became quite another one,
    when what differs is shown,
    then no words are marked in it.
    """
    ((block),) = diff_view(hunks_between("alpha beta\n", "x: 1, y: 2\n")).blocks

    (row,) = block.rows
    assert row.before is not None
    assert [piece.kind for piece in row.before.pieces] == ["same"]


def test_of_long_differences_so_much_is_shown() -> None:
    """
    Given texts that differ in a thousand lines,
    when a hundred of them are shown,
    then it is said how many are not; the counts are of all.
    """
    view = diff_view(hunks_between("a\n" * 500, "b\n" * 500), most=100)

    assert sum(len(list(block.in_one)) for block in view.blocks) == 100
    assert (view.added, view.removed, view.left) == (500, 500, 900)
