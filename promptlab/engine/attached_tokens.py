"""What an attachment is likely to be charged for, as vendors say it: an estimate, for plans."""

import math
import re
from collections.abc import Mapping

from promptlab.core.images import Size, dimensions
from promptlab.engine.conversation import Attachment
from promptlab.schemas.plan import BYTES_PER_TOKEN

PAGE_TOKENS = 2_000  # of a page of a PDF, which is read as text and as an image
PAGE_BYTES = 50_000  # of a page, where the pages of a PDF cannot be counted
PAGE = re.compile(rb"/Type\s*/Page\b")
UNKNOWN_SIZE = (1024, 1024)

TILES: Mapping[str, tuple[int, int]] = {  # of an image, and of each tile of 512 pixels
    "gpt-4o-mini": (2833, 5667),
    "gpt-5": (70, 140),
    "o1": (75, 150),
    "o3": (75, 150),
    "": (85, 170),  # gpt-4o, gpt-4.1, and whatever nobody knows
}
PATCHES: Mapping[str, float] = {  # what a patch of 32 pixels counts
    "gpt-4.1-mini": 1.62,
    "gpt-4.1-nano": 2.46,
    "gpt-5-mini": 1.62,
    "gpt-5-nano": 2.46,
    "o4-mini": 1.72,
}
MOST_PATCHES = 1536


def likely_tokens(attachment: Attachment, model: str) -> int:
    """Give how many tokens of input an attachment is likely to take; never more than is set aside for it.

    OpenAI's models count tiles or patches, with as much detail as they choose by themselves; Anthropic's
    count pixels.
    """
    if attachment.is_text:
        return math.ceil(len(attachment.content) / BYTES_PER_TOKEN)
    if attachment.kind == "image":
        size = dimensions(attachment.content) or UNKNOWN_SIZE
        tokens = _by_pixels(size) if "claude" in model else _by_squares(size, model)
    else:
        tokens = PAGE_TOKENS * _pages(attachment.content)
    return min(tokens, attachment.most_tokens)


def _by_pixels(size: Size) -> int:
    """Count as Anthropic does, which makes images smaller than 1,568 pixels and 1.15 million in all."""
    width, height = _within(size, 1568)
    return math.ceil(min(width * height, 1.15e6) / 750)


def _by_squares(size: Size, model: str) -> int:
    name = model.rpartition("/")[2]
    factor = next((PATCHES[family] for family in PATCHES if name.startswith(family)), None)
    if factor is not None:
        return math.ceil(min(_squares(size, 32), MOST_PATCHES) * factor)
    base, tile = next(TILES[family] for family in TILES if name.startswith(family))
    return base + tile * _squares(_shortened(_within(size, 2048)), 512)


def _within(size: tuple[float, float], longest: int) -> tuple[float, float]:
    factor = min(1.0, longest / max(size))
    return size[0] * factor, size[1] * factor


def _shortened(size: tuple[float, float], shortest: int = 768) -> tuple[float, float]:
    factor = min(1.0, shortest / min(size))
    return size[0] * factor, size[1] * factor


def _squares(size: tuple[float, float], edge: int) -> int:
    return math.ceil(size[0] / edge) * math.ceil(size[1] / edge)


def _pages(content: bytes) -> int:
    """Count the pages of a PDF; where they are packed, guess them by its size."""
    return len(PAGE.findall(content)) or math.ceil(len(content) / PAGE_BYTES)
