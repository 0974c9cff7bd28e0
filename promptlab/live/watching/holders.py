"""Who has files open for writing, where the file system does not tell: looked up in /proc."""

import os
from collections.abc import Iterator

PROCESSES = "/proc"


def held_below(root: str) -> frozenset[str]:
    """Give the files below a folder that programs have open for writing, of those that we may look into."""
    within = f"{os.path.realpath(root)}/"
    return frozenset(path for fds, fd, path in _open_below(within) if _is_for_writing(fds, fd))


def _open_below(within: str) -> Iterator[tuple[str, str, str]]:
    for process in filter(str.isdigit, _listed(PROCESSES)):
        fds = f"{PROCESSES}/{process}/fd"
        for fd in _listed(fds):
            try:
                path = os.readlink(f"{fds}/{fd}")  # noqa: PTH115 - of thousands of them
            except OSError:
                continue
            if path.startswith(within):
                yield fds, fd, path


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - of thousands of files
    except OSError:
        return []


def _is_for_writing(fds: str, fd: str) -> bool:
    try:
        with open(f"{fds}info/{fd}", encoding="ascii") as info:  # noqa: PTH123 - as above
            flags = next((line.split()[1] for line in info if line.startswith("flags:")), "0")
    except OSError:
        return False
    return bool(int(flags, 8) & os.O_ACCMODE)
