"""What images and files are likely to be charged for, in plans."""

import struct

import pytest

from promptlab.core.images import dimensions
from promptlab.engine.attached_tokens import likely_tokens
from promptlab.engine.completion import CompletionRequest
from promptlab.engine.conversation import Attachment, Message
from promptlab.engine.measuring import measured
from promptlab.schemas.plan import BYTES_PER_TOKEN
from tests.scripted import ENDPOINT, ScriptedProvider, call


def png(width: int, height: int, more: int = 0) -> bytes:
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height)
    return head + b"\x08\x02\x00\x00\x00" + b"\0" * more


def webp(kind: bytes, head: bytes) -> bytes:
    return b"RIFF\0\0\0\0WEBP" + kind + b"\0\0\0\0" + head


IMAGES = {
    "png": png(300, 200),
    "gif": b"GIF89a" + struct.pack("<HH", 300, 200),
    "jpeg": b"\xff\xd8\xff\xe0\x00\x04ab\xff\xff\xc2\x00\x11\x08" + struct.pack(">HH", 200, 300),
    "webp, lossy": webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 300, 200)),
    "webp, lossless": webp(b"VP8L", b"\x2f" + (299 | 199 << 14).to_bytes(4, "little") + b"\0" * 5),
    "webp, extended": webp(b"VP8X", b"\0" * 4 + (299).to_bytes(3, "little") + (199).to_bytes(3, "little")),
}


@pytest.mark.parametrize("name", IMAGES)
def test_the_size_of_an_image_is_read_from_its_head(name: str) -> None:
    """
    Given the head of an image of 300 by 200 pixels,
    when its size is read, whole and broken off anywhere,
    then it is that, and else none rather than a wrong one.
    """
    content = IMAGES[name]

    found = {dimensions(content[:length]) for length in range(len(content))}

    assert dimensions(content) == (300, 200)
    assert found <= {None, (300, 200)}


@pytest.mark.parametrize(
    ("model", "size", "tokens"),
    [
        ("gpt-4o", (1024, 1024), 765),
        ("gpt-4o", (2048, 4096), 1105),
        ("gpt-4o", (100, 100), 255),
        ("gpt-4o-mini", (1024, 1024), 25501),
        ("gpt-5", (1024, 1024), 630),
        ("gpt-4.1-mini", (1024, 1024), 1659),
        ("openai/gpt-5-nano", (8000, 8000), 3779),
        ("claude-sonnet-4-5", (1000, 750), 1000),
        ("claude-sonnet-4-5", (200, 200), 54),
        ("anthropic/claude-opus-4", (8000, 8000), 1534),
    ],
)
def test_an_image_counts_what_its_vendor_says(model: str, size: tuple[int, int], tokens: int) -> None:
    """
    Given images of known sizes, small and large in bytes,
    when their tokens are estimated,
    then they are what the vendors document for that size, however many bytes they have.
    """
    small, large = (Attachment("image", "image/png", png(*size, more)) for more in (0, 10**6))

    assert likely_tokens(small, model) == likely_tokens(large, model) == tokens


@pytest.mark.parametrize(
    ("attachment", "tokens"),
    [
        (
            Attachment("file", "application/pdf", b"%PDF-1.7" + b"<</Type /Page>><</Type/Page>>", "a.pdf"),
            4000,
        ),
        (
            Attachment("file", "application/pdf", b"%PDF-1.7 <</Type /Pages>>" + b"\0" * 120_000, "a.pdf"),
            6000,
        ),
        (Attachment("file", "text/plain", b"word" * 100, "a.txt"), 100),
        (Attachment("image", "image/png", b"\x89PNG broken"), 765),
    ],
)
def test_a_file_counts_by_its_pages_or_its_text(attachment: Attachment, tokens: int) -> None:
    """
    Given a PDF whose pages can be counted, one whose cannot, a text, and an image that tells no size,
    when their tokens are estimated,
    then a PDF counts by its pages, a text by its length, and the image as one of usual size.
    """
    assert likely_tokens(attachment, "gpt-4o") == tokens


@pytest.mark.parametrize("content", [png(1, 1), png(2**31, 1), png(20_000, 20_000), png(1000, 1000, 10**5)])
def test_what_is_expected_is_less_than_what_is_set_aside(content: bytes) -> None:
    """
    Given a prompt with an image of any size,
    when it is measured,
    then what is expected is above nothing and far below what a limit sets aside for it.
    """
    message = Message("user", ("look", Attachment("image", "image/png", content)))
    asked = CompletionRequest(endpoint=ENDPOINT, model="m", messages=(message,))

    found = measured(call(ScriptedProvider(), request=asked))

    assert 0 < found.text / BYTES_PER_TOKEN < found.size / 10
