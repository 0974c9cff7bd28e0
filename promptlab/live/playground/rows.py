"""Finding one's way through the rows of a pipeline."""

from itertools import islice

from promptlab.core.frozen import frozen
from promptlab.core.json import as_text
from promptlab.loader.loading import LoadedPipeline

MOST_LISTED = 100


@frozen
class Beside:
    """The rows before and after one, by their indexes, where there are any; `count`: how many there are."""

    count: int
    before: int | None = None
    after: int | None = None
    ids: tuple[tuple[int, str], ...] = ()


def beside(loaded: LoadedPipeline, row: int) -> Beside:
    """Look around a row; `ids`: the first rows by their indexes and ids, to choose from."""
    before = after = None
    for one in loaded.rows():
        if one.index > row:
            after = one.index
            break
        if one.index < row:
            before = one.index
    ids = tuple((one.index, one.id) for one in islice(loaded.rows(), MOST_LISTED))
    return Beside(loaded.row_count, before, after, ids)


def found_row(loaded: LoadedPipeline, text: str) -> int | None:
    """Give the row of an id, else the first whose id or values have a text in them."""
    wanted, first = text.casefold(), None
    for row in loaded.rows():
        if row.id == text:
            return row.index
        if first is None and any(
            wanted in as_text(value).casefold() for value in (row.id, *row.columns.values())
        ):
            first = row.index
    return first
