"""The result of a stored run drawn as an SVG, with no font or image from elsewhere."""

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

from promptlab.cli.outfiles import opened, write
from promptlab.cli.result import Failures, show_result
from promptlab.schemas.report import RunSummary

if TYPE_CHECKING:
    from rich.console import Console

WIDEST = 120
FONT_FACES = re.compile(r"@font-face \{\{.*?\}\}\s*", re.DOTALL)
BLANK_ENDS = re.compile(r"[ \t]+$", re.MULTILINE)


def draw(path: Path, summary: RunSummary, failures: Failures, *, of: str) -> None:
    """Write the picture, as wide as its longest line; the same run gives the same bytes."""
    from rich._export_format import CONSOLE_SVG_FORMAT  # noqa: PLC0415

    widest = _shown(summary, failures, WIDEST).export_text()
    width = max(len(line.rstrip()) for line in widest.split("\n"))
    svg = _shown(summary, failures, min(width, WIDEST)).export_svg(
        title=f"promptlab run {of}",
        code_format=FONT_FACES.sub("", CONSOLE_SVG_FORMAT),
        unique_id="promptlab",
    )
    with opened(path) as stream:
        write(stream, [BLANK_ENDS.sub("", svg)])


def _shown(summary: RunSummary, failures: Failures, width: int) -> "Console":
    from rich.console import Console  # noqa: PLC0415

    console = Console(
        record=True,
        width=width,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
        markup=False,
        emoji=False,
    )
    show_result(console, summary, failures)
    return console
