"""The keys of a watch, read one by one while they are typed; the terminal is left as it was found."""

import asyncio
import os
import re
import signal
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import field
from typing import Any

from promptlab.core.frozen import slotted
from promptlab.live.watching.watch import Watch, Wish

WISHES: Mapping[str, Wish] = {"a": "all", "f": "failed", "A": "all-fresh", "F": "failed-fresh"}
TWICE_SECONDS = 10
_SEQUENCE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|.)?", re.DOTALL)


def has_keys() -> bool:
    """Say whether somebody can press keys here: stdin is a terminal, and we are in its foreground."""
    try:
        return os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp()
    except (OSError, AttributeError):  # no terminal, or a system without groups of processes
        return False


@contextmanager
def keys_heard(watched: Watch) -> Iterator[None]:
    """Hear keys where stdin is a terminal; where it is a pipe, end the watch when its writer is gone."""
    if has_keys():
        with _typed(watched):
            yield
    elif _is_pipe():
        with _held_open(watched):
            yield
    else:
        yield


@slotted
class Keys:
    """Does what keys say. Buying anew is asked twice."""

    watched: Watch
    _asked: str = ""
    _when: float = field(default_factory=time.monotonic)

    def read(self) -> None:
        try:
            typed = os.read(0, 1024)
        except OSError:
            typed = b""
        if not typed:  # the terminal is gone
            asyncio.get_running_loop().remove_reader(0)
            self.watched.ending.end(0, "the terminal is gone")
        for key in _SEQUENCE.sub(b"", typed).decode(errors="replace"):
            self.press(key)

    def press(self, key: str) -> None:
        watched = self.watched
        match key:
            case "q" | "\x04":
                watched.ending.end(0, "q")
            case "p" | " ":
                watched.pause()
            case "+":
                watched.raise_ceiling()
            case "a" | "f":
                watched.wish(WISHES[key])
            case "A" | "F" if self._is_second(key):
                watched.wish(WISHES[key])
            case "A" | "F":
                what = "all answers" if key == "A" else "the answers of what failed"
                watched.view.note(f"this buys {what} anew: press {key} again")
            case _:
                pass

    def _is_second(self, key: str) -> bool:
        is_second = self._asked == key and time.monotonic() - self._when < TWICE_SECONDS
        self._asked, self._when = "" if is_second else key, time.monotonic()
        return is_second


@contextmanager
def _typed(watched: Watch) -> Iterator[None]:
    import termios  # noqa: PLC0415 - not on every system
    import tty  # noqa: PLC0415

    loop, before = asyncio.get_running_loop(), termios.tcgetattr(0)
    tty.setcbreak(0, termios.TCSANOW)
    loop.add_reader(0, Keys(watched).read)
    loop.add_signal_handler(signal.SIGCONT, _again, tty, termios.TCSANOW)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGCONT)
        loop.remove_reader(0)
        with suppress(termios.error):
            termios.tcsetattr(0, termios.TCSANOW, before)


def _again(tty: Any, when: int) -> None:
    """The shell gave us the terminal back, in its own mode."""
    if has_keys():
        tty.setcbreak(0, when)


@contextmanager
def _held_open(watched: Watch) -> Iterator[None]:
    loop = asyncio.get_running_loop()

    def look() -> None:
        if not os.read(0, 1 << 16):
            loop.remove_reader(0)
            watched.ending.end(0, "stdin was closed")

    loop.add_reader(0, look)
    try:
        yield
    finally:
        loop.remove_reader(0)


def _is_pipe() -> bool:
    if sys.stdin is None:
        return False
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
