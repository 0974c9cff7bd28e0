"""What differs between two texts, as pages show it."""

from promptlab.core.word_diff import word_diff
from promptlab.web.pages import environment


def _shown(old: str, new: str) -> str:
    macros = environment().get_template("diff.html.j2").make_module({})
    pieces = word_diff(old, new)
    return "".join(getattr(macros, name)(pieces) for name in ("before", "after", "inline"))


def test_each_side_marks_its_own_words() -> None:
    """
    Given two texts that differ by a word,
    when they are shown side by side, and in one,
    then the old word is deleted at the left, the new one inserted at the right, and in one both are there.
    """
    shown = _shown("the old label", "the new label")

    assert shown.count("the <del>old</del> label") == 1
    assert shown.count("the <ins>new</ins> label") == 1
    assert shown.count("the <del>old</del><ins>new</ins> label") == 1


def test_nothing_in_a_difference_acts() -> None:
    """
    Given texts with markup and characters that turn writing round,
    when their difference is shown,
    then the markup is text and the characters are seen.
    """
    shown = _shown("<script>a</script>", "<script>b\u202e</script>")

    assert "<script>" not in shown
    assert "&lt;" in shown
    assert "\u202e" not in shown
    assert r"\u202e" in shown


def test_only_so_many_words_are_compared() -> None:
    """
    Given long texts that differ at the end alone,
    when their beginnings are compared,
    then these are the same, and end in an ellipsis.
    """
    pieces = word_diff("a " * 50 + "x", "a " * 50 + "y", most=10)

    assert [piece.kind for piece in pieces] == ["same"]
    assert pieces[0].text.endswith("…")
