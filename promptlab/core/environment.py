"""The environment with the project's `.env` below it, and the secrets that settings name in it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from promptlab.core.errors import UsageError

REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_KEY = re.compile(r"[\x21-\x7e]+")
_QUOTES = "\"'`"


@dataclass(frozen=True, slots=True, repr=False)
class Environment:
    """Variables of the process, completed by those of `.env`, which never replaces one that is set."""

    process: Mapping[str, str] = field(default_factory=dict)
    dotenv: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str | None:
        return self.process.get(name, self.dotenv.get(name))

    def origin(self, name: str) -> str:
        """Say where `name` is set: `environment` or `.env`."""
        return "environment" if name in self.process else ".env"

    def expand(self, text: str, *, where: str) -> str:
        """Put values in the place of `${NAME}`; raises UsageError, naming `where`, for one not set."""
        return REFERENCE.sub(lambda match: self._value(match[1], where), text)

    def key(self, name: str) -> str | None:
        """Give the key in the variable `name`, or None; raises UsageError for one that cannot be a key."""
        value = self.get(name)
        return None if value is None else checked_key(value, name)

    def _value(self, name: str, where: str) -> str:
        value = self.get(name)
        if value is None:
            raise UsageError(
                f"{where} names ${{{name}}}, which is not set; export {name} or put it into .env"
            )
        return value


def references(text: str) -> Iterator[str]:
    """Give the names of the variables that `text` refers to."""
    return (match[1] for match in REFERENCE.finditer(text))


def checked_key(value: str, name: str) -> str:
    """Give a key that can go into a header; raises UsageError naming the variable, never the value."""
    fault = _fault(value)
    if fault is not None:
        raise UsageError(f"malformed key: {name} {fault}; set it to the bare key")
    return value


def _fault(value: str) -> str | None:
    if not value.strip():
        return "is empty"
    if any(quote in value for quote in _QUOTES):
        return "has quotes in it"
    if any(character.isspace() for character in value):
        return "has blanks or line ends in it"
    return None if _KEY.fullmatch(value) else "has characters that no key has"


def read_dotenv(path: Path) -> dict[str, str]:
    """Read a `.env`, literally; one that is missing is empty. Raises UsageError naming the file."""
    if not path.is_file():
        return {}
    from io import StringIO  # noqa: PLC0415

    from dotenv import dotenv_values  # noqa: PLC0415

    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path}: cannot be read: {error.__class__.__name__}; it must be UTF-8 text"
        ) from None
    values = dotenv_values(stream=StringIO(text), interpolate=False)
    return {name: value for name, value in values.items() if value is not None}
