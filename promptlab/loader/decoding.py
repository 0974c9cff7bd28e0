"""Bytes to text: UTF-8 or a precise reason why not."""

import re
from typing import ClassVar

from promptlab.core.errors import PromptlabError
from promptlab.loader.source_text import Position

__all__ = ["BOM", "DecodingError", "conflict_line", "decode", "refuse_other_encodings"]

BOM = b"\xef\xbb\xbf"
HEAD = 4096
SHORTEST_WIDE = 4
FIRST_PRINTABLE = 32
SAVE_AS_UTF8 = "save the file as UTF-8"
SIGNATURES = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a ZIP archive (or an Excel file)",
    b"\x1f\x8b": "a gzip archive",
    b"\x7fELF": "a program",
    b"SQLite format 3": "an SQLite database",
    b"PAR1": "a Parquet file",
    b"\xd0\xcf\x11\xe0": "an old Office file",
}
CONFLICT = re.compile(r"^(?:<{7}|>{7})(?= )", re.MULTILINE)
SURROGATE_BYTES = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")


class DecodingError(PromptlabError):
    """Bytes that are no UTF-8 text; `position` says where, `line_text` shows the line as far as it goes."""

    exit_code: ClassVar[int] = 2

    def __init__(
        self, message: str, *, position: Position, code: str, hint: str, line_text: str = ""
    ) -> None:
        super().__init__(message)
        self.position = position
        self.code = code
        self.hint = hint
        self.line_text = line_text


def decode(content: bytes, *, first_line: int = 1) -> str:
    """The text of UTF-8 bytes, without a byte order mark; raises DecodingError."""
    if first_line == 1:
        refuse_other_encodings(content[:HEAD])
    content = content.removeprefix(BOM)
    nul = content.find(0)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        if nul < 0 or error.start < nul:
            raise _not_utf8(content, error.start, first_line) from None
    if nul >= 0:
        raise _at(content, nul, first_line, "a NUL byte in a text file", code="nul", hint="remove it")
    return text


def refuse_other_encodings(head: bytes) -> None:
    """Raises DecodingError where the first bytes of a file are UTF-16, UTF-32 or no text at all."""
    kind = next((kind for mark, kind in SIGNATURES.items() if head.startswith(mark)), None)
    if kind is not None:
        raise _whole(f"this is {kind}, not a text file", "binary", "name a text file here")
    encoding = _wide_encoding(head)
    if encoding is not None:
        raise _whole(f"this is {encoding}, not UTF-8", "encoding", SAVE_AS_UTF8)


def conflict_line(text: str) -> int | None:
    """The number, from 1, of the first line with a marker of an unresolved git conflict."""
    found = CONFLICT.search(text)
    return None if found is None else text.count("\n", 0, found.start()) + 1


def _wide_encoding(head: bytes) -> str | None:
    if head.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return "UTF-32"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16"
    even, odd = head[::2].count(0), head[1::2].count(0)
    share = len(head) // 5
    if len(head) < SHORTEST_WIDE or max(even, odd) <= share:
        return None
    return (
        "UTF-16" if min(even, odd) <= share else "UTF-32" if not any(head[:3]) or not any(head[1:4]) else None
    )


def _not_utf8(content: bytes, at: int, first_line: int) -> DecodingError:
    message, hint = f"the byte 0x{content[at]:02X} is not UTF-8", f"{_legacy(content)}{SAVE_AS_UTF8}"
    if SURROGATE_BYTES.match(content, at):
        message, hint = "half of a surrogate pair (CESU-8) in the file", SAVE_AS_UTF8
    return _at(content, at, first_line, message, code="encoding", hint=hint)


def _legacy(content: bytes) -> str:
    sample = content[:65536]
    strange = sum(byte < FIRST_PRINTABLE and byte not in b"\t\n\r" for byte in sample)
    return "it looks like Latin-1 or Windows-1252: " if strange == 0 else ""


def _whole(message: str, code: str, hint: str) -> DecodingError:
    return DecodingError(message, position=Position(1, 1), code=code, hint=hint)


def _at(content: bytes, at: int, first_line: int, message: str, *, code: str, hint: str) -> DecodingError:
    start = content.rfind(b"\n", 0, at) + 1
    end = content.find(b"\n", at)
    before = content[start:at].decode(errors="replace")
    rest = content[at : end if 0 <= end < at + 200 else at + 200].decode(errors="replace")
    position = Position(content.count(b"\n", 0, at) + first_line, len(before) + 1)
    return DecodingError(message, position=position, code=code, hint=hint, line_text=before + rest)
