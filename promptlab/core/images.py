"""How large an image is, read from its head: PNG, JPEG, GIF and WebP."""

from collections.abc import Callable, Mapping

type Size = tuple[int, int]

PNG_HEAD, GIF_HEAD, WEBP_HEAD = 24, 10, 10  # bytes; of WebP, those of its first chunk
JPEG_MARK = 0xFF
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # these three are no frames
JPEG_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))  # markers without a segment


def dimensions(content: bytes) -> Size | None:
    """Give width and height in pixels; None where the bytes are no image, or broken off."""
    for mark, read in _READERS.items():
        if content.startswith(mark):
            size = read(content)
            return size if size is not None and all(size) else None
    return None


def _png(content: bytes) -> Size | None:
    if len(content) < PNG_HEAD or content[12:16] != b"IHDR":
        return None
    return int.from_bytes(content[16:20]), int.from_bytes(content[20:24])


def _gif(content: bytes) -> Size | None:
    if len(content) < GIF_HEAD:
        return None
    return int.from_bytes(content[6:8], "little"), int.from_bytes(content[8:10], "little")


def _jpeg(content: bytes) -> Size | None:
    """Go from segment to segment until one is a frame."""
    at = 2
    while at + 9 <= len(content) and content[at] == JPEG_MARK:
        marker = content[at + 1]
        if marker in JPEG_FRAMES:
            return int.from_bytes(content[at + 7 : at + 9]), int.from_bytes(content[at + 5 : at + 7])
        if marker == JPEG_MARK:
            at += 1
        elif marker in JPEG_ALONE:
            at += 2
        else:
            at += 2 + int.from_bytes(content[at + 2 : at + 4])
    return None


def _webp(content: bytes) -> Size | None:
    """Read the first chunk: VP8X says the canvas, VP8L and VP8 are lossless and lossy pictures."""
    kind, head = content[12:16], content[20:30]
    if content[8:12] != b"WEBP" or len(head) < WEBP_HEAD:
        return None
    if kind == b"VP8X":
        return int.from_bytes(head[4:7], "little") + 1, int.from_bytes(head[7:10], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(head[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little")
    return (width & 0x3FFF, height & 0x3FFF) if kind == b"VP8 " else None


_READERS: Mapping[bytes, Callable[[bytes], Size | None]] = {
    b"\x89PNG\r\n\x1a\n": _png,
    b"\xff\xd8": _jpeg,
    b"GIF8": _gif,
    b"RIFF": _webp,
}
