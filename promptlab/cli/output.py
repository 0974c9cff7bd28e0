"""Where documents go: to stdout in pieces, or to a file. A terminal gets no control characters."""

import re
import sys
from collections.abc import Iterable
from pathlib import Path

from promptlab.cli.outfiles import opened, write

CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def put_out(pieces: Iterable[str], out: str | None) -> None:
    """Write the pieces to the file `out`, else to stdout."""
    if out is not None:
        with opened(Path(out)) as stream:
            write(stream, pieces)
        return
    shown = map(_without_controls, pieces) if sys.stdout.isatty() else pieces
    sys.stdout.writelines(shown)


def _without_controls(text: str) -> str:
    return CONTROLS.sub(lambda found: f"\\u{ord(found.group()):04x}", text)
