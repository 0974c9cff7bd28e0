"""Words as the Penn Treebank has them: signs by themselves, contractions taken apart."""

import re
from collections.abc import Iterator
from typing import Final

from promptlab.engine.checks.references import hold_to

MOST_WORDS = 200_000
MOST_SIGNED = 100_000  # characters, of each different word that holds a sign: 60 ms

_CLOSING: Final = "])}>'\""
_LAST_DOT = re.compile(r"(?<=[^.])(?<!\b[a-z]\.[a-z])\.(?=[\])}>'\"]*\Z)")
_SIGNS: Final = tuple(
    (re.compile(pattern), instead)
    for pattern, instead in (
        (r'(?:\A|(?<=[(\[{<]))"', " `` "),
        (r'"', " '' "),
        (r"\.\.+", " ... "),
        (r"[:,](?!\d)|[;@#$%&?!\[\](){}<>]", r" \g<0> "),
        (r"--+", " -- "),
        (r"(?<=[^' ])'(?=\Z| )", " ' "),
        (r"'(?=[smd](?:\Z| ))", " '"),
        (r"(?:'ll|'re|'ve|n't)(?=\Z| )", r" \g<0>"),
    )
)
_CONTRACTIONS: Final = {
    "".join(parts): parts
    for parts in (
        ("can", "not"),
        ("d", "'ye"),
        ("gim", "me"),
        ("gon", "na"),
        ("got", "ta"),
        ("lem", "me"),
        ("more", "'n"),
        ("wan", "na"),
        ("'t", "is"),
        ("'t", "was"),
    )
}


def tokens(text: str) -> list[str]:
    """Give the words and signs of a text, in lower case; only the dot at its end is a sign of its own.

    Raises CannotJudge where it is too long.
    """
    words = text.lower().split()
    hold_to(MOST_WORDS, len(words), "words")
    if words and words[-1].rstrip(_CLOSING).endswith("."):
        hold_to(MOST_SIGNED, len(words[-1]), "characters in words with signs")
        words[-1:] = _LAST_DOT.sub(" .", words[-1]).split()
    signed = {word for word in set(words) if not word.isalnum() or word in _CONTRACTIONS}
    hold_to(MOST_SIGNED, sum(map(len, signed)), "characters in words with signs")
    apart = {word: tuple(_taken_apart(word)) for word in signed}
    return [part for word in words for part in apart.get(word) or (word,)]


def _taken_apart(word: str) -> Iterator[str]:
    for pattern, instead in _SIGNS:
        word = pattern.sub(instead, word)
    for part in word.split():
        yield from _CONTRACTIONS.get(part, (part,))
