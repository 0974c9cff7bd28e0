"""Foreign text made fit to be shown: control characters escaped, secrets masked, long values shortened."""

import json
import re
import unicodedata
from functools import lru_cache

from promptlab.core.json import JSON

__all__ = ["cells", "escaped", "is_secret_name", "masked", "shortened", "shown"]

MASK = "***"
INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
SENSITIVE = "api_?key|key|token|secret|passw(?:or)?d|passwd|pwd|credentials?|authorization"
SECRET_NAME = re.compile(rf"(?:^|[^a-z])(?:{SENSITIVE})(?:$|[^a-z])", re.IGNORECASE)
CAMEL_CASE = re.compile(r"(?<=[a-z])(?=[A-Z])")
ASSIGNMENT = re.compile(
    rf"(?P<name>(?<![A-Za-z])(?:[\w.-]{{0,40}}[_.-])?(?:{SENSITIVE})(?:[_.-][\w.-]{{0,40}})?[\"']?\s*[:=]\s*)(?P<value>[^\s].*)",
    re.IGNORECASE,
)
TOKEN = re.compile(
    r"(?<![A-Za-z0-9])(?:(?:sk|pk|rk)[-_][A-Za-z0-9_-]{8,}|gh[opsu]_[A-Za-z0-9]{16,}|github_pat_\w{16,}"
    r"|xox[abprs]-[A-Za-z0-9-]{8,}|AKIA[A-Z0-9]{12,}|AIza[\w-]{20,}|hf_[A-Za-z0-9]{16,}|glpat-[\w-]{12,}"
    r"|eyJ[\w-]{12,}\.[\w-]+\.[\w-]*)"
)
BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.+/=-]{8,}")
USERINFO = re.compile(r"(?<=://)[^/\s@?#\"']{1,2048}@")
ENVIRONMENT = re.compile(r"""["']?\$\{[A-Za-z_]\w*\}["']?[\s,}]*""")
WORD = re.compile(r"\w{1,512}")


def escaped(text: str) -> str:
    r"""Text with every character that does not show as itself written as ``\uXXXX``.

    That is control, zero-width and bidi characters, and, in words that mix scripts, all but Latin letters.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_visible, WORD.sub(_without_homoglyphs, text)))


def masked(text: str) -> str:
    """Text (one line) without what looks like a key: token forms, userinfo in addresses, named secrets."""
    text = USERINFO.sub(f"{MASK}@", text)
    text = BEARER.sub(rf"\1 {MASK}", TOKEN.sub(MASK, text))
    return ASSIGNMENT.sub(_without_value, text)


def is_secret_name(name: str) -> bool:
    """Whether values under this key are never shown: ``api_key``, ``token``, but not ``max_tokens``."""
    return SECRET_NAME.search(CAMEL_CASE.sub("_", name[:256])) is not None


def shortened(text: str, limit: int = 60) -> str:
    """Text of at most `limit` characters; the middle gives way."""
    if len(text) <= limit:
        return text
    head = (limit - 1) * 2 // 3
    return f"{text[:head]}…{text[head + 1 - limit :]}"


def shown(value: JSON, limit: int = 60) -> str:
    """A value as a message quotes it: masked, escaped, short; text in single quotes, all else as JSON."""
    if isinstance(value, str):
        return f"'{escaped(shortened(masked(value[:10_000]), limit))}'"
    if isinstance(value, dict):
        return "a map" if value else "{}"
    if isinstance(value, list):
        return f"a list of {len(value)}" if value else "[]"
    return shortened(json.dumps(value), limit)


def cells(text: str) -> int:
    """How many terminal columns escaped text takes."""
    if text.isascii():
        return len(text)
    return sum(_width(character) for character in text)


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


@lru_cache(maxsize=4096)
def _visible(character: str) -> str:
    if unicodedata.category(character) not in INVISIBLE and (character == " " or character.isprintable()):
        return character
    return _code(character)


def _code(character: str) -> str:
    point = ord(character)
    return f"\\u{point:04x}" if point < 1 << 16 else f"\\U{point:08x}"


def _without_homoglyphs(match: re.Match[str]) -> str:
    word = match.group()
    scripts = {_script(character) for character in word} - {""}
    if word.isascii() or scripts <= {"LATIN"} or "LATIN" not in scripts:
        return word
    return "".join(c if _script(c) in {"", "LATIN"} else _code(c) for c in word)


@lru_cache(maxsize=4096)
def _script(character: str) -> str:
    """The script of a letter that has look-alikes in Latin; other letters and digits have none here."""
    name = unicodedata.name(character, "").split(" ", 1)[0]
    return (
        name
        if name in {"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "FULLWIDTH", "MATHEMATICAL"}
        else ""
    )


def _without_value(match: re.Match[str]) -> str:
    if ENVIRONMENT.fullmatch(match["value"]):
        return match.group()
    return match["name"] + MASK
