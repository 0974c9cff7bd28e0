"""The base of all tables, and the types of columns that hold what databases cannot hold as it is."""

import json
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

from promptlab.core.json import compact
from promptlab.schemas.run import MISSING

REVISION = "0008"  # the newest migration; a test holds them together

_ESCAPED = "\x01json:"
_PACKED_FROM = 2048
_EMPTY: Mapping[type, str] = {dict: "{}", list: "[]", tuple: "[]"}


class Base(DeclarativeBase):
    __table__: ClassVar[Table]

    type_annotation_map: ClassVar[Mapping[Any, Any]] = {
        int: Integer().with_variant(BigInteger(), "postgresql")
    }
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class UtcTime(TypeDecorator[datetime]):
    """A moment, kept in UTC and given back aware."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        del dialect
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        del dialect
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class AnyText(TypeDecorator[str]):
    """Text as models write it: NUL and lone surrogates, which no database takes, are kept escaped."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        del dialect
        return value if value is None or _storable(value) else _ESCAPED + json.dumps(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        del dialect
        if value is None or not value.startswith(_ESCAPED):
            return value
        text: str = json.loads(value.removeprefix(_ESCAPED))
        return text


class Written(str):
    """A JSON value that was written by `json_text` already."""

    __slots__ = ()


class Json(TypeDecorator[Any]):
    """A JSON value as text; MISSING is NULL, None is JSON's null."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: object, dialect: Dialect) -> str | None:
        del dialect
        if value is MISSING:
            return None
        return value if isinstance(value, Written) else json_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> object:
        del dialect
        return MISSING if value is None else json.loads(value)


class Packed(TypeDecorator[bytes]):
    """Bytes, compressed where that pays; the first byte says which."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        del dialect
        if value is None:
            return None
        return b"r" + value if len(value) < _PACKED_FROM else b"z" + zlib.compress(value, 1)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        del dialect
        if value is None:
            return None
        return zlib.decompress(value[1:]) if value[:1] == b"z" else value[1:]


def json_text(value: object) -> str:
    """Give compact JSON that any database takes; numbers that JSON lacks are kept as Python writes them."""
    if not value and type(value) in _EMPTY:
        return _EMPTY[type(value)]
    try:
        text = compact(value)
    except ValueError:
        return json.dumps(value)
    return text if _storable(text) else json.dumps(value)


def _storable(text: str) -> bool:
    if "\0" in text or text.startswith(_ESCAPED):
        return False
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False
