"""Finds the known name that was probably meant."""

from collections.abc import Iterable
from functools import lru_cache
from unicodedata import category, normalize

LONGEST_WORD = 64
MOST_LISTED = 12
LOOKALIKES = str.maketrans("асеіјорѕухѵԁһαοερν", "aceijopsyxvdhaoepv")


def suggest(word: str, known: Iterable[str]) -> str | None:
    """Give the known name that was meant: other case, look-alike letters or a slip of the pen; else None."""
    return None if len(word) > LONGEST_WORD else _closest(word, tuple(known))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Give a sentence for the end of a message: a suggestion, or what is known where that is not much."""
    names = sorted(set(known))
    near = suggest(word, names)
    if near is not None:
        return f"did you mean '{near}'?"
    return f"known: {', '.join(names)}" if 0 < len(names) <= MOST_LISTED else ""


@lru_cache(maxsize=512)
def _closest(word: str, known: tuple[str, ...]) -> str | None:
    from difflib import get_close_matches  # noqa: PLC0415 - only mistakes need it

    plain = _plain(word)
    by_form = {_plain(name): name for name in known if name != word}
    if plain in by_form:
        return by_form[plain]
    return next((by_form[form] for form in get_close_matches(plain, by_form, n=1, cutoff=0.6)), None)


def _plain(word: str) -> str:
    compatible = normalize("NFKC", word).casefold().translate(LOOKALIKES)
    return "".join(c for c in compatible if category(c) not in {"Cf", "Cc", "Zs"}).replace("-", "_")
