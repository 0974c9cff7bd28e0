"""What differs between two texts, word by word."""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import islice
from typing import Literal

from promptlab.core.frozen import frozen

MOST_WORDS = 1_500  # of a text; comparing takes the square of it
AROUND = 6
_WORD = re.compile(r"\s+|\w+|[^\w\s]")

type Kind = Literal["same", "old", "new"]


@frozen
class Piece:
    """Some words that are in both texts, in the old one alone, or in the new one alone."""

    kind: Kind
    text: str


def word_diff(old: str, new: str, *, around: int = AROUND, most: int = MOST_WORDS) -> list[Piece]:
    """Give what is the same and what is not, in order; of long stretches that are the same only the ends.

    Of longer texts the first `most` words, marks and spaces are compared.
    """
    before, after = _words(old, most), _words(new, most)
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    pieces: list[Piece] = []
    for what, left, left_end, right, right_end in matcher.get_opcodes():
        if what == "equal":
            is_first, is_last = left == right == 0, (left_end, right_end) == (len(before), len(after))
            pieces.append(Piece("same", _shortened(before[left:left_end], around, is_first, is_last)))
        else:
            pieces += _replaced(before[left:left_end], after[right:right_end])
    return pieces


def marked(pieces: Sequence[Piece]) -> str:
    """Give a difference as plain text: `the [-old-]{+new+} word`."""
    forms = {"same": "{}", "old": "[-{}-]", "new": "{{+{}+}}"}
    return "".join(forms[piece.kind].format(piece.text) for piece in pieces)


def _words(text: str, most: int) -> list[str]:
    words = [found.group() for found in islice(_WORD.finditer(text), most + 1)]
    return words if len(words) <= most else [*words[:most], "…"]


def _replaced(old: Sequence[str], new: Sequence[str]) -> Iterator[Piece]:
    if old:
        yield Piece("old", "".join(old))
    if new:
        yield Piece("new", "".join(new))


def _shortened(words: Sequence[str], around: int, is_first: bool, is_last: bool) -> str:  # noqa: FBT001
    head, tail = 0 if is_first else 2 * around, 0 if is_last else 2 * around
    if len(words) <= head + tail + 1:
        return "".join(words)
    return "".join((*words[:head], "…", *words[len(words) - tail :]))
