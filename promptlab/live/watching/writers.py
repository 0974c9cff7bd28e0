"""Who is still writing: where the system tells, a file that a program has open for writing is not whole."""

import errno
import os
import signal
import time
from collections.abc import Callable
from dataclasses import field
from pathlib import Path

from promptlab.core.frozen import slotted
from promptlab.live.watching.holders import held_below

HOLDS = 0.01  # seconds for which one look at all programs serves
SAY_AFTER = 1.0
LONGEST = 10.0


def is_open_for_writing(path: Path) -> bool | None:
    """Ask for a lease, which the system gives only where nobody writes; None where it gives none at all."""
    try:
        import fcntl  # noqa: PLC0415 - not on every system

        lease, read, tell_by = fcntl.F_SETLEASE, fcntl.F_RDLCK, fcntl.F_SETSIG
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except (ImportError, AttributeError, OSError):
        return None
    try:
        fcntl.fcntl(handle, tell_by, signal.SIGURG)  # should a writer come this instant; it is ignored
        fcntl.fcntl(handle, lease, read)
    except OSError as error:
        return True if error.errno == errno.EAGAIN else None
    finally:
        os.close(handle)
    return False


@slotted
class Writers:
    """Of files below `root`. One held open for `longest` seconds without a change is waited for no more.

    `ask`: the file system; where it does not tell, the programs that we may look into do.
    """

    root: Path
    tell: Callable[[str], None]
    longest: float = LONGEST
    ask: Callable[[Path], bool | None] = is_open_for_writing
    _told: set[str] = field(default_factory=set)
    _held: frozenset[str] = frozenset()
    _looked_at: float = -HOLDS

    def is_at_it(self, name: str, age: float) -> bool | None:
        """Say whether a file is to be closed first, `age` seconds after its last change; None: who knows."""
        is_open = self.ask(self.root / name)
        if is_open is None and self._is_held(name):
            is_open = True
        if not is_open:
            return is_open
        if age > self.longest:
            self._tell(f"{name}: a program holds it open for writing; it is taken as it is")
        elif age > SAY_AFTER:
            self._tell(f"waiting for {name}: a program has it open for writing")
        return age <= self.longest

    def _is_held(self, name: str) -> bool:
        if time.monotonic() - self._looked_at >= HOLDS:
            self._held = held_below(str(self.root))
            self._looked_at = time.monotonic()
        return str((self.root / name).resolve()) in self._held

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self.tell(text)
