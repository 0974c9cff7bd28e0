"""Images are known by their headers: a file that only begins like one is refused before the first call."""

import json
from collections.abc import Callable
from io import BytesIO
from struct import pack

import pytest

from promptlab.core.images import image_size, sniffed
from tests.loading_kit import load
from tests.samples import GIF, JPEG, PNG, WEBP

SAMPLES = {"png": PNG, "jpeg": JPEG, "gif": GIF, "webp": WEBP}


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + pack(">II", width, height)


def gif(width: int, height: int) -> bytes:
    return b"GIF87a" + pack("<HH", width, height)


def jpeg(width: int, height: int) -> bytes:
    """Give a header as cameras write it: behind metadata, fill bytes and tables, progressive."""
    exif = b"\xff\xe1" + pack(">H", 60_002) + b"\xff\xc0" * 30_000
    tables = b"\xff\xff\xff\xc4\x00\x04ab"
    return b"\xff\xd8" + exif + tables + b"\xff\xc2\x00\x11\x08" + pack(">HH", height, width)


def webp(kind: bytes, header: bytes) -> bytes:
    return b"RIFF\x00\x00\x00\x00WEBP" + kind + b"\x00\x00\x00\x00" + header.ljust(10, b"\0")


def lossy(width: int, height: int) -> bytes:
    return webp(b"VP8 ", b"\x00\x00\x00\x9d\x01\x2a" + pack("<HH", width | 0x4000, height))


def lossless(width: int, height: int) -> bytes:
    return webp(b"VP8L", b"\x2f" + ((width - 1) | (height - 1) << 14 | 1 << 28).to_bytes(4, "little"))


def extended(width: int, height: int) -> bytes:
    return webp(b"VP8X", b"\x00" * 4 + b"".join((side - 1).to_bytes(3, "little") for side in (width, height)))


@pytest.mark.parametrize("image", [png, gif, jpeg, lossy, lossless, extended])
def test_the_size_of_an_image_is_read_from_its_header(image: Callable[[int, int], bytes]) -> None:
    """
    Given the header of an image in each format and variety, and each beginning of it,
    when its size is read,
    then it is what the header says, and of no beginning there is one.
    """
    content = image(640, 480)
    media_type = sniffed(content) or ""

    assert image_size(BytesIO(content), media_type) == (640, 480)
    starts = (*range(0, len(content), 1 + len(content) // 50), *range(len(content) - 5, len(content)))
    found = {image_size(BytesIO(content[:end]), media_type) for end in starts}
    assert found <= ({None} if image is not lossless else {None, (640, 480)})


@pytest.mark.parametrize("name", SAMPLES)
def test_the_smallest_images_have_a_size(name: str) -> None:
    """
    Given the smallest image of each format,
    when its size is read,
    then it is one pixel.
    """
    assert image_size(BytesIO(SAMPLES[name]), f"image/{name}") == (1, 1)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (PNG[:8], "'data/a.png' begins like a PNG image, but has no whole header"),
        (PNG[:8] + b"a text" * 20, "'data/a.png' begins like a PNG image, but has no whole header"),
        (JPEG[:20], "'data/a.png' begins like a JPEG image, but has no whole header"),
        (b"\xff\xd8\xff" + b"x" * 99, "'data/a.png' begins like a JPEG image, but has no whole header"),
        (b"GIF89a", "'data/a.png' begins like a GIF image, but has no whole header"),
        (WEBP[:16], "'data/a.png' begins like a WEBP image, but has no whole header"),
        (png(0, 3), "'data/a.png' is an image of 0 × 3 pixels"),
        (b"", "'data/a.png' is no PNG, JPEG, GIF or WebP image"),
    ],
)
def test_what_only_begins_like_an_image_is_refused_where_a_row_or_prompt_names_it(
    content: bytes, problem: str
) -> None:
    """
    Given a file with the signature of an image and no more, or an image without a pixel,
    when a row, the history of a row and a prompt name it,
    then each is told at its place.
    """
    past = [{"role": "user", "content": [{"type": "image", "path": "data/a.png"}]}]
    rows = [{"photo": "data/b.png", "past": []}, {"photo": "data/a.png", "past": past}]
    pipeline = (
        "version: 1\ninputs: {photo: image, past: messages}\ndataset: data/rows.jsonl\n"
        "steps: [{id: a, prompt: prompts/a.j2}]\n"
    )
    prompt = "{{ image('data/a.png') }}{{ image(photo) }}{% messages past %}"
    lines = "\n".join(map(json.dumps, rows))
    files: dict[str, str | bytes] = {
        "data/a.png": content,
        "data/b.png": PNG,
        "data/rows.jsonl": lines,
        "prompts/a.j2": prompt,
    }

    assert load(pipeline, files, model="openai/gpt-4o-mini").problems == [
        f"data/rows.jsonl:2:11: 'photo': {problem}",
        f"data/rows.jsonl:2:33: 'past': {problem}",
        f"prompts/a.j2:1:4: {problem}",
    ]
