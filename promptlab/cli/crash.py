"""A bug's traceback in a file of its own, without the values of secrets."""

import os
import re
import sys
import tempfile
import traceback
from pathlib import Path

SECRET_NAMES = re.compile(r"KEY|TOKEN|SECRET|PASSWORD", re.IGNORECASE)
SHORTEST_SECRET = 6


def write_crash_report(error: BaseException) -> Path:
    """Write where and how it happened; give the file."""
    handle, name = tempfile.mkstemp(prefix="promptlab-crash-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(f"promptlab {' '.join(sys.argv[1:2])}\npython {sys.version}\n\n")
        file.write(without_secrets("".join(traceback.format_exception(error))))
    return Path(name)


def without_secrets(text: str) -> str:
    """Replace the values of environment variables that hold secrets."""
    for name, value in os.environ.items():
        if SECRET_NAMES.search(name) and len(value) >= SHORTEST_SECRET:
            text = text.replace(value, f"<{name}>")
    return text
