"""The Parquet process: ``python -I -m promptlab.loader.rows.parquet_process``, a Parquet file as its stdin.

Writes JSON, one value a line: ``["columns", {name: a type that JSON does not have, or null}, rows]``, an
object for each row, and ``["end", rows]``; or ``["broken", why]``. It is a process of its own because a
damaged file can make polars panic, which writes a backtrace, or end the stream early.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    import polars as pl

ROWS_AT_ONCE = 1_000
ROWS_IN_PYTHON = 16
MEMORY = 4 << 30
STDIN = Path("/dev/fd/0")  # read by name it is not mapped into memory, which would count as ours

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def main() -> None:
    """Write what stdin holds to stdout; ends quietly when nobody reads on."""
    _limit_memory()
    with suppress(BrokenPipeError):
        for frame in frames(STDIN if STDIN.exists() else sys.stdin.buffer):
            sys.stdout.buffer.write(f"{_encode(frame)}\n".encode("utf-8", "surrogatepass"))
        sys.stdout.buffer.flush()
    os._exit(0)


def frames(source: Path | BinaryIO) -> Iterator[object]:
    """The frames of a Parquet file."""
    import polars as pl  # noqa: PLC0415

    try:
        scan = pl.scan_parquet(source, glob=False, hive_partitioning=False)
        schema = scan.collect_schema()
        yield ["columns", {name: objection(kind) for name, kind in schema.items()}, _count(scan)]
        if not any(map(objection, schema.dtypes())):
            yield from _rows(scan, schema)
    except BrokenPipeError:
        raise
    except BaseException as error:  # noqa: BLE001 - a panic of Rust is no Exception
        yield ["broken", str(error).partition("\n")[0]]


def _rows(scan: "pl.LazyFrame", schema: "pl.Schema") -> Iterator[object]:
    count = 0
    nested = [name for name, kind in schema.items() if kind.is_nested()]
    for batch in scan.collect_batches(chunk_size=ROWS_AT_ONCE, maintain_order=True, lazy=True):
        for row in batch.iter_rows(named=True, buffer_size=ROWS_IN_PYTHON):
            count += 1
            for name in nested:
                row[name] = _plain(row[name])
            yield row
    yield ["end", count]


def _count(scan: "pl.LazyFrame") -> int:
    import polars as pl  # noqa: PLC0415

    return int(scan.select(pl.len()).collect().item())


def _plain(value: Any) -> Any:
    """Arrays come as lists, or as series inside of structs."""
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if value is None or isinstance(value, str | int | float):
        return value
    return [_plain(item) for item in value]


def objection(kind: "pl.DataType") -> str | None:
    """The type that JSON does not have, in a column's type or within it; None where there is none."""
    import polars as pl  # noqa: PLC0415

    if isinstance(kind, pl.List | pl.Array):
        return objection(kind.inner)  # type: ignore[arg-type]
    if isinstance(kind, pl.Struct):
        return next(filter(None, (objection(field.dtype) for field in kind.fields)), None)  # type: ignore[arg-type]
    plain = isinstance(kind, pl.Boolean | pl.String | pl.Categorical | pl.Enum | pl.Null)
    number = kind.is_integer() or kind.is_float()
    return None if plain or number else str(kind)


def _limit_memory() -> None:
    """Bound what the process may allocate, where the system can."""
    with suppress(ImportError, ValueError, OSError):
        import resource  # noqa: PLC0415 - absent on Windows

        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))


if __name__ == "__main__":
    main()
