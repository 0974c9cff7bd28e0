"""What the first bytes of a file say that it is, and how large an image is by its header."""

from io import BytesIO
from struct import unpack
from typing import BinaryIO

type Size = tuple[int, int]

PDF = "application/pdf"
HEAD = 16
"""Bytes by which the kind of a file is told."""
_JPEG_FRAMES = {bytes((code,)) for code in range(0xC0, 0xD0)} - {
    b"\xc4",
    b"\xc8",
    b"\xcc",
}  # tables
_JPEG_ALONE = {bytes((code,)) for code in (0x01, *range(0xD0, 0xD8))}  # markers without a segment


def sniffed(head: bytes) -> str | None:
    """Give the media type of an image or PDF by its first bytes."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    return PDF if head.startswith(b"%PDF-") else None


def image_size(stream: BinaryIO, media_type: str) -> Size | None:
    """Give the width and height that an image's header says; None where there is no whole header."""
    stream.seek(0)
    try:
        return _SIZES[media_type](stream)
    except _Short:
        return None


def dimensions(content: bytes) -> Size | None:
    """Give the width and height of an image in memory; None where it is none, or says that it is empty."""
    media_type = sniffed(content[:HEAD])
    if media_type not in _SIZES:
        return None
    size = image_size(BytesIO(content), media_type)
    return size if size is not None and all(size) else None


class _Short(Exception):
    """The file ends before its header does."""


def _read(stream: BinaryIO, count: int) -> bytes:
    found = stream.read(count)
    if len(found) < count:
        raise _Short
    return found


def _png(stream: BinaryIO) -> Size | None:
    head = _read(stream, 24)
    return unpack(">II", head[16:]) if head[12:16] == b"IHDR" else None


def _gif(stream: BinaryIO) -> Size | None:
    return unpack("<HH", _read(stream, 10)[6:])


def _webp(stream: BinaryIO) -> Size | None:
    head = _read(stream, 30)
    match head[12:16]:
        case b"VP8X":
            width, height = (int.from_bytes(head[at : at + 3], "little") for at in (24, 27))
            return width + 1, height + 1
        case b"VP8L" if head[20:21] == b"\x2f":
            bits = int.from_bytes(head[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 " if head[23:26] == b"\x9d\x01\x2a":
            width, height = unpack("<HH", head[26:30])
            return width & 0x3FFF, height & 0x3FFF
    return None


def _jpeg(stream: BinaryIO) -> Size | None:
    """Go from segment to segment; a header may stand behind megabytes of metadata."""
    _read(stream, 2)
    while _read(stream, 1) == b"\xff":
        while (marker := _read(stream, 1)) == b"\xff":
            pass
        if marker in _JPEG_ALONE:
            continue
        length = int.from_bytes(_read(stream, 2))
        if marker in _JPEG_FRAMES:
            height, width = unpack(">xHH", _read(stream, 5))
            return width, height
        _read(stream, max(length - 2, 0))
    return None


_SIZES = {"image/png": _png, "image/jpeg": _jpeg, "image/gif": _gif, "image/webp": _webp}
