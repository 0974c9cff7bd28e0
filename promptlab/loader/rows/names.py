"""Which names an input may have."""

import re
from unicodedata import normalize

__all__ = ["RESERVED", "check_input_name"]

JINJA_KEYWORDS = frozenset({"and", "elif", "else", "for", "if", "in", "is", "not", "or", "recursive"})
JINJA_CONSTANTS = frozenset({"true", "false", "none", "True", "False", "None"})
JINJA_VARIABLES = frozenset({"loop", "self", "super", "caller", "varargs", "kwargs"})
JINJA_GLOBALS = frozenset({"range", "dict", "lipsum", "cycler", "joiner", "namespace"})
OURS = frozenset({"row", "item", "output", "outputs", "previous"})
RESERVED = JINJA_KEYWORDS | JINJA_CONSTANTS | JINJA_VARIABLES | JINJA_GLOBALS | OURS
LONGEST = 100
NAME = re.compile(r"[^\W\d]\w*")


def check_input_name(name: str) -> str | None:
    """Why a name cannot be one of an input (or step), or None if it can."""
    if name in RESERVED:
        whose = "promptlab" if name in OURS else "Jinja"
        return f"is a name that {whose} keeps for itself"
    if len(name) > LONGEST:
        return f"is longer than {LONGEST} characters"
    if not NAME.fullmatch(name) or not name.isidentifier() or normalize("NFKC", name) != name:
        return "is no name: only letters, digits and _ may stand in it, and no digit at its start"
    return None
