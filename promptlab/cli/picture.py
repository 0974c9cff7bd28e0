"""The result of a stored run drawn as an SVG, with no font or image from elsewhere."""

import io
import re
from pathlib import Path

from promptlab.cli.outfiles import opened, write
from promptlab.cli.result import Failures, show_result
from promptlab.schemas.report import RunSummary

WIDTH = 80
FONT_FACES = re.compile(r"@font-face \{\{.*?\}\}\s*", re.DOTALL)


def draw(path: Path, summary: RunSummary, failures: Failures, *, of: str) -> None:
    """Write the picture; the same run gives the same bytes."""
    from rich._export_format import CONSOLE_SVG_FORMAT  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415

    console = Console(
        record=True,
        width=WIDTH,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
        markup=False,
        emoji=False,
    )
    show_result(console, summary, failures)
    svg = console.export_svg(
        title=f"promptlab run {of}",
        code_format=FONT_FACES.sub("", CONSOLE_SVG_FORMAT),
        unique_id="promptlab",
    )
    with opened(path) as stream:
        write(stream, [svg])
