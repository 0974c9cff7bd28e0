"""Finds the known name that was probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches


def suggest(word: str, known: Iterable[str]) -> str | None:
    """Give the known name nearest to `word`, or None if none is near."""
    names = list(known)
    folded = {name.casefold().replace("_", "-"): name for name in names}
    near = get_close_matches(word.casefold().replace("_", "-"), folded, n=1, cutoff=0.6)
    return folded[near[0]] if near else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Give a sentence for the end of a message: a suggestion, or the list of what is known."""
    names = sorted(known)
    near = suggest(word, names)
    if near is not None:
        return f"did you mean '{near}'?"
    return f"known: {', '.join(names)}" if names else ""
