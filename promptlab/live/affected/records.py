"""What is kept of a row while two sides are compared: digests of eight bytes."""

from collections.abc import Iterator, Mapping, Sequence

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON, digest
from promptlab.live.affected.tracing import Mark, Trace
from promptlab.schemas.dataset import Row

WIDTH = 8
NOTHING = bytes(WIDTH)
NO_MARK = Mark("", "")


@frozen
class PlaceRecord:
    """What a step of a row asks and gives, and what its checks see of the row."""

    asks: bytes
    gives: bytes
    judged: bytes


NO_RECORD = PlaceRecord(NOTHING, NOTHING, NOTHING)

type Words = frozenset[str] | None
type CellRecord = Mapping[str, PlaceRecord]


@frozen
class RowRecord:
    """`inputs`: what prompts may use of the row; `cells`: packed, in the order of the pairs."""

    inputs: bytes
    cells: tuple[bytes, ...]


def whole_row(row: Row) -> bytes:
    """Give the digest of all that counts in a row."""
    return _packed(digest([dict(row.inputs), dict(row.columns), list(row.checks)]))


def inputs_of(row: Row) -> bytes:
    return _packed(digest(dict(row.inputs)))


def pack(row: Row, traces: Sequence[Trace], seen: Mapping[str, Words]) -> bytes:
    """Pack what the repeats of a row do in a cell; nothing where they were not walked.

    `seen`: by place, the names of the row that its checks may look at.
    """
    parts = (part for place, words in seen.items() for part in _parts(row, traces, place, words))
    return b"".join(parts) if traces else b""


def unpack(record: bytes, places: Sequence[str]) -> CellRecord:
    if not record:
        return dict.fromkeys(places, NO_RECORD)
    parts = [record[at : at + WIDTH] for at in range(0, len(record), WIDTH)]
    return {place: PlaceRecord(*parts[3 * number : 3 * number + 3]) for number, place in enumerate(places)}


def _parts(row: Row, traces: Sequence[Trace], place: str, words: Words) -> Iterator[bytes]:
    marks = [trace.get(place, NO_MARK) for trace in traces]
    yield _joined([mark.asks for mark in marks])
    yield _joined([mark.gives for mark in marks])
    columns = {**row.columns, **row.inputs}
    seen = {name: value for name, value in columns.items() if words is None or name in words}
    checks: JSON = [] if place else list(row.checks)
    yield _packed(digest([seen, checks]))


def _joined(digests: Sequence[str]) -> bytes:
    if len(digests) == 1:
        return _packed(digests[0])
    return _packed(digest(list(digests))) if any(digests) else NOTHING


def _packed(hexadecimal: str) -> bytes:
    return bytes.fromhex(hexadecimal[: 2 * WIDTH]) if hexadecimal else NOTHING
