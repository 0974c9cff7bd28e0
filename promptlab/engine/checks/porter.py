"""The stems of English words: Porter's algorithm (1980) with the changes that NLTK made to it."""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final

type Condition = Callable[[str], bool]
type Rule = tuple[str, str, Condition]

_IRREGULAR: Final = {
    "skies": "sky",
    "dying": "die",
    "lying": "lie",
    "tying": "tie",
    **{word: word for word in ("sky", "news", "howe", "proceed", "exceed", "succeed")},
    **{form: word for word in ("inning", "outing", "canning") for form in (word, f"{word}s")},
}
_MEASURE = re.compile("v+c+")


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """Give the stem of a word that is in lower case."""
    if len(word) <= 2:  # noqa: PLR2004 (as Porter has it)
        return word
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    for step in (_plural, _past, _final_y, _second, _third, _fourth, _final_e, _final_l):
        word = step(word)
    return word


def _form(word: str) -> str:
    """Give a word as `v` and `c`: y is a vowel behind a consonant."""
    form = ""
    for letter in word:
        is_vowel = letter in "aeiou" or (letter == "y" and form[-1:] == "c")
        form += "v" if is_vowel else "c"
    return form


def _measure(word: str) -> int:
    return len(_MEASURE.findall(_form(word)))


def _has_any(word: str) -> bool:
    return _measure(word) > 0


def _has_more(word: str) -> bool:
    return _measure(word) > 1


def _always(word: str) -> bool:
    del word
    return True


def _is_short(word: str) -> bool:
    """Say whether it ends as `hop` does, or is as `at`."""
    form = _form(word)
    return form == "vc" or (form.endswith("cvc") and word[-1] not in "wxy")


def _by_first(word: str, rules: Iterable[Rule]) -> str:
    """Apply the first rule whose ending the word has, if its stem is as the rule wants it."""
    for ending, instead, wanted in rules:
        if word.endswith(ending):
            rest = word.removesuffix(ending)
            return rest + instead if wanted(rest) else word
    return word


def _rules(wanted: Condition, table: str) -> tuple[Rule, ...]:
    pairs = (pair.partition("-") for pair in table.split())
    return tuple((ending, instead, wanted) for ending, _, instead in pairs)


_PLURALS = _rules(_always, "sses-ss ies-i ss-ss s-")
_SECOND = _rules(
    _has_any,
    "ational-ate tional-tion enci-ence anci-ance izer-ize bli-ble alli-al entli-ent eli-e ousli-ous "
    "ization-ize ation-ate ator-ate alism-al iveness-ive fulness-ful ousness-ous aliti-al iviti-ive "
    "biliti-ble fulli-ful",
)
_THIRD = _rules(_has_any, "icate-ic ative- alize-al iciti-ic ical-ic ful- ness-")
_FOURTH = (
    *_rules(_has_more, "al- ance- ence- er- ic- able- ible- ant- ement- ment- ent-"),
    ("ion", "", lambda rest: _has_more(rest) and rest[-1:] in ("s", "t")),
    *_rules(_has_more, "ou- ism- ate- iti- ous- ive- ize-"),
)


def _plural(word: str) -> str:
    if word.endswith("ies") and len(word) == 4:  # noqa: PLR2004 (dies: die)
        return word[:-1]
    return _by_first(word, _PLURALS)


def _past(word: str) -> str:
    if word.endswith("ied"):
        return word[:-1] if len(word) == 4 else word[:-2]  # noqa: PLR2004 (died: die)
    if word.endswith("eed"):
        return word[:-1] if _has_any(word[:-3]) else word
    for ending in ("ed", "ing"):
        rest = word.removesuffix(ending)
        if rest != word and "v" in _form(rest):
            return _mended(rest)
    return word


def _mended(rest: str) -> str:
    """Give back what a word lost before `ed` and `ing`, and take what it gained."""
    if rest.endswith(("at", "bl", "iz")):
        return rest + "e"
    if rest[-1] == rest[-2:-1] and _form(rest)[-1] == "c":
        return rest if rest[-1] in "lsz" else rest[:-1]
    return rest + "e" if _measure(rest) == 1 and _is_short(rest) else rest


def _final_y(word: str) -> str:
    rest = word[:-1]
    return rest + "i" if word.endswith("y") and len(rest) > 1 and _form(rest)[-1] == "c" else word


def _second(word: str) -> str:
    if word.endswith("alli") and _has_any(word[:-4]):
        return _second(word[:-2])
    if word.endswith("logi"):
        return word[:-1] if _has_any(word[:-3]) else word
    return _by_first(word, _SECOND)


def _third(word: str) -> str:
    return _by_first(word, _THIRD)


def _fourth(word: str) -> str:
    return _by_first(word, _FOURTH)


def _final_e(word: str) -> str:
    rest = word.removesuffix("e")
    if rest == word:
        return word
    return rest if _has_more(rest) or (_measure(rest) == 1 and not _is_short(rest)) else word


def _final_l(word: str) -> str:
    return word[:-1] if word.endswith("ll") and _has_more(word[:-1]) else word
