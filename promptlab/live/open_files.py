"""Makes room for open connections, or does with fewer."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from promptlab.engine.throttling.bounds import bounds
from promptlab.live.running import RunRequest
from promptlab.loader.loading import LoadedPipeline

OWN_FILES = 56  # the log, its locks, pipes to child processes, imports under way
USUAL = 64  # what a model's concurrency grows to unless its provider's entry says more


def most_at_once(loaded: Sequence[LoadedPipeline]) -> int:
    """Give how many calls one of the models may get at once."""
    lines = (line for pipeline in loaded for cell in pipeline.cells for line in cell.lines())
    targets = (target for line in lines for target in line)
    return max((bounds(target.profile, None).ceiling for target in targets), default=1)


def with_room(request: RunRequest, say: Callable[[str], object], *, most: int = USUAL) -> RunRequest:
    """Give the request with as many calls in flight as files may be open; says so where they are fewer.

    `most`: what they may grow to, unless the request says how many.
    """
    wanted = request.max_concurrency or most
    room = max(1, _open_files(wanted + OWN_FILES) - OWN_FILES)
    if room >= wanted:
        return request
    say(f"only {room} calls at once: this shell lets few files be open (ulimit -n)")
    return replace(request, max_concurrency=room)


def _open_files(needed: int) -> int:
    """Raise the soft limit to what is needed, as far as the hard one lets; give what may be open."""
    try:
        import resource  # noqa: PLC0415 - not on every system
    except ImportError:
        return needed
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        return most
    return needed if soft == resource.RLIM_INFINITY else soft
