"""Objects of a git repository, read through one child process."""

import io
import subprocess
import tempfile
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, cast

from promptlab.core.git import git_command, git_environment
from promptlab.loader.sources import FileError

KEPT_IN_MEMORY = 8 * 2**20
CHUNK = 1 << 20
NO_SUCH_NAME = b"Not a valid object name"
NOT_WHOLE = "the clone is not whole: fetch the rest of it"


class GitObjects:
    """Gives objects by their ids; the child process ends with `close`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._process: subprocess.Popen[bytes] | None = None
        self._last: tuple[str, BinaryIO, int] | None = None

    def paths(self, tree: str) -> dict[str, tuple[str, str]]:
        """Give mode and id of all files and links below a tree, by path; of none, where it is not there.

        Raises FileError where git cannot list it.
        """
        command = git_command(self._root, "ls-tree", "--full-tree", "-r", "-z", tree)
        done = subprocess.run(command, capture_output=True, check=False, env=git_environment())
        if done.returncode and NO_SUCH_NAME not in done.stderr:
            reason = done.stderr.decode("utf-8", "replace").strip().split("\n")[0]
            raise FileError(f"git cannot list {tree}: {reason}", code="git", hint=NOT_WHOLE)
        found = {}
        for line in done.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]:
            facts, _, path = line.partition("\t")
            mode, _, oid = facts.split(" ")
            found[path] = mode, oid
        return found

    def look(self, oid: str) -> tuple[BinaryIO, int]:
        """Give an object as a stream from its start, until the next is asked for, and its size."""
        if self._last is None or self._last[0] != oid:
            self._forget()
            self._last = (oid, *self._read(oid))
        _, stream, size = self._last
        stream.seek(0)
        return stream, size

    def open(self, oid: str) -> BinaryIO:
        """Give an object as a stream of one's own."""
        stream, size = self.look(oid)
        if size > KEPT_IN_MEMORY:
            self._last = None
            return stream
        return io.BytesIO(stream.read())

    def close(self) -> None:
        self._forget()
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    def _forget(self) -> None:
        if self._last is not None:
            self._last[1].close()
            self._last = None

    def _read(self, oid: str) -> tuple[BinaryIO, int]:
        asked, answer = self._pipes
        asked.write(f"{oid}\n".encode())
        asked.flush()
        header = answer.readline().split()
        if len(header) != 3:  # noqa: PLR2004 - object, type, size; else it says why there is none
            raise FileError(f"git does not have the object {oid}", code="git", hint=NOT_WHOLE)
        into, left = _room(int(header[2])), int(header[2])
        while left and (chunk := answer.read(min(left, CHUNK))):
            into.write(chunk)
            left -= len(chunk)
        answer.read(1)
        return into, int(header[2])

    @cached_property
    def _pipes(self) -> tuple[BinaryIO, BinaryIO]:
        self._process = subprocess.Popen(
            git_command(self._root, "cat-file", "--batch"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=git_environment(),
        )
        return cast("BinaryIO", self._process.stdin), cast("BinaryIO", self._process.stdout)


def _room(size: int) -> BinaryIO:
    return io.BytesIO() if size <= KEPT_IN_MEMORY else cast("BinaryIO", tempfile.TemporaryFile())
