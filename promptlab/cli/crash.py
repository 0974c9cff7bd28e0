"""A bug's traceback in a file of its own, without the values of secrets."""

import os
import re
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from promptlab.core.display import masked
from promptlab.core.environment import read_dotenv
from promptlab.core.errors import UsageError

SECRET_NAMES = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTH", re.IGNORECASE)
SHORTEST_SECRET = 6


def write_crash_report(error: BaseException) -> Path:
    """Write where and how it happened; give the file, readable by its owner alone. Raises OSError."""
    handle, name = tempfile.mkstemp(prefix="promptlab-crash-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(f"promptlab {' '.join(sys.argv[1:2])}\npython {sys.version}\n\n")
        file.write(without_secrets("".join(traceback.format_exception(error))))
    return Path(name)


def without_secrets(text: str) -> str:
    """Replace the values of variables that hold secrets, and all that looks like a key."""
    for name, value in _variables():
        if SECRET_NAMES.search(name) and len(value) >= SHORTEST_SECRET:
            text = text.replace(value, f"<{name}>")
    return "\n".join(masked(line) for line in text.split("\n"))


def _variables() -> Iterator[tuple[str, str]]:
    yield from os.environ.items()
    with suppress(OSError, UsageError):
        yield from read_dotenv(Path.cwd() / ".env").items()
