"""Tables of text: ruled and coloured in a terminal, plain and aligned in a pipe."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING

from promptlab.cli.console import is_terminal
from promptlab.core.display import cells as width_of
from promptlab.core.display import escaped
from promptlab.core.frozen import frozen

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text


@frozen
class Styled:
    """Text as it came (it is escaped when it is shown) and its style."""

    text: str
    style: str = ""


@frozen(kw_only=True)
class Grid:
    """`right`: which columns hold numbers, counted from 0; `whole`: the widths of columns that never fold."""

    header: Sequence[str]
    rows: Sequence[Sequence[Styled | str]]
    title: str | None = None
    right: frozenset[int] = frozenset()
    whole: Mapping[int, int] = field(default_factory=dict)


def show_grid(console: "Console", grid: Grid) -> None:
    """Print the grid; foreign text in it is neither markup nor a terminal's escapes."""
    if is_terminal(console) or console.record:
        console.print(_table(grid))
        return
    console.print("\n".join(plain_lines(grid)), soft_wrap=True)


def plain_lines(grid: Grid) -> list[str]:
    """Give the grid as aligned lines without trailing blanks."""
    lines = [[escaped(_styled(cell).text) for cell in row] for row in (grid.header, *grid.rows)]
    widths = [max(width_of(line[column]) for line in lines) for column in range(len(grid.header))]
    title = [escaped(grid.title)] if grid.title else []
    return [*title, *(_line(line, widths, grid.right) for line in lines)]


def _line(texts: Sequence[str], widths: Sequence[int], right: frozenset[int]) -> str:
    parts = []
    for column, (text, width) in enumerate(zip(texts, widths, strict=True)):
        padding = " " * (width - width_of(text))
        parts.append(padding + text if column in right else text + padding)
    return "  ".join(parts).rstrip()


def _table(grid: Grid) -> "Table":
    from rich import box  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    title = Text(escaped(grid.title), style="bold") if grid.title else None
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for column, name in enumerate(grid.header):
        header = Text(escaped(name), overflow="fold")
        if column in grid.right:  # numbers are kept whole; what folds is their header
            longest = max((len(_styled(row[column]).text) for row in grid.rows), default=0)
            table.add_column(header, justify="right", overflow="fold", min_width=longest)
        else:
            table.add_column(header, overflow="fold", min_width=grid.whole.get(column))
    for row in grid.rows:
        table.add_row(*(_text(_styled(cell)) for cell in row))
    return table


def _text(cell: Styled) -> "Text":
    from rich.text import Text  # noqa: PLC0415

    return Text(escaped(cell.text), style=cell.style, overflow="fold")


def _styled(cell: Styled | str) -> Styled:
    return cell if isinstance(cell, Styled) else Styled(cell)
