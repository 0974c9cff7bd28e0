"""Where the number of calls at once starts, and what it never passes."""

from promptlab.core.frozen import frozen
from promptlab.engine.provider import ModelProfile

START = 16
CEILING = 64


@frozen
class Bounds:
    start: int
    ceiling: int


def bounds(profile: ModelProfile, asked: int | None) -> Bounds:
    """Give what was asked, which is both, within the provider's entry; else 16, up to that entry."""
    most = profile.max_concurrency or CEILING
    if asked is None:
        return Bounds(min(START, most), most)
    fixed = min(asked, profile.max_concurrency) if profile.max_concurrency else asked
    return Bounds(fixed, fixed)
