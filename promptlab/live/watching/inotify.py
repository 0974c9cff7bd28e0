"""Linux tells of changes in folders: heard by the loop itself, without a thread that wakes to look."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Iterator, Sequence
from pathlib import Path
from struct import Struct
from typing import Any

MODIFY, ATTRIB, CLOSE_WRITE = 0x2, 0x4, 0x8
MOVED_FROM, MOVED_TO, CREATE, DELETE, DELETE_SELF, MOVE_SELF = 0x40, 0x80, 0x100, 0x200, 0x400, 0x800
OVERFLOW = 0x4000
ONLY_FOLDERS = 0x1000000
WANTED = MODIFY | ATTRIB | CLOSE_WRITE | MOVED_FROM | MOVED_TO | CREATE | DELETE | DELETE_SELF | MOVE_SELF
HEAD = Struct("iIII")  # watch, what happened, cookie, length of the name
CHUNK = 1 << 16
POLLING = "WATCHFILES_FORCE_POLLING"

type Heard = set[str]


def has_inotify() -> bool:
    """Say whether changes are heard here in this way; a variable of watchfiles asks for polling."""
    return sys.platform == "linux" and not os.environ.get(POLLING)


async def inotify_changes(folders: Sequence[Path], stop: asyncio.Event) -> AsyncGenerator[Heard]:
    """Give the paths that changed, from the first step on, until `stop` is set or something was missed.

    Raises OSError where the system does not tell.
    """
    loop, stirred = asyncio.get_running_loop(), asyncio.Event()
    handle, names = _opened(folders)
    stopping = asyncio.ensure_future(stop.wait())
    stopping.add_done_callback(lambda _: stirred.set())
    loop.add_reader(handle, stirred.set)
    try:
        while True:
            await stirred.wait()
            stirred.clear()
            heard = None if stop.is_set() else _heard(handle, names)
            if heard is None:
                return
            if heard:
                yield heard
    finally:
        stopping.cancel()
        loop.remove_reader(handle)
        os.close(handle)


def _opened(folders: Sequence[Path]) -> tuple[int, dict[int, str]]:
    """Give a handle to read changes from, and which folder each watch is of."""
    import ctypes  # noqa: PLC0415 - of all commands only this one needs it

    library = ctypes.CDLL(None, use_errno=True)
    handle = _checked(library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC), ctypes)
    try:
        names = {
            _checked(
                library.inotify_add_watch(handle, os.fsencode(folder), WANTED | ONLY_FOLDERS), ctypes
            ): str(folder)
            for folder in folders
        }
    except BaseException:
        os.close(handle)
        raise
    return handle, names


def _checked(result: int, ctypes: Any) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _heard(handle: int, names: dict[int, str]) -> Heard | None:
    """Read what there is; None where the system could not keep all of it."""
    try:
        told = os.read(handle, CHUNK)
    except BlockingIOError:
        return set()
    found = set()
    for watch, mask, name in _events(told):
        if mask & OVERFLOW:
            return None
        folder = names.get(watch)
        if folder is not None:
            found.add(f"{folder}/{name}" if name else folder)
    return found


def _events(told: bytes) -> Iterator[tuple[int, int, str]]:
    at = 0
    while at < len(told):
        watch, mask, _, length = HEAD.unpack_from(told, at)
        at += HEAD.size
        yield watch, mask, os.fsdecode(told[at : at + length].rstrip(b"\0"))
        at += length
