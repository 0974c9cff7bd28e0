"""The text of a data file as a stream of lines, with the hash of its bytes."""

import codecs
import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import BinaryIO

from promptlab.core.display import shown
from promptlab.loader.decoding import BOM, DecodingError, decode, refuse_other_encodings
from promptlab.loader.files import FileSnapshot, ProjectFiles
from promptlab.loader.source_text import Position
from promptlab.loader.sources import FileError

__all__ = ["LONGEST_ROW", "hashed", "read_lines", "read_whole"]

LONGEST_ROW = 10 * 2**20
LARGEST_WHOLE = 32 * 2**20
CHUNK = 1 << 16


class _NulError(Exception):
    """A NUL byte went by."""


class _Watched(io.RawIOBase):
    """Hashes and counts what is read, and stops at a NUL byte."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.size = 0
        self.hash = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]  # typeshed wants WriteableBuffer
        chunk = self._stream.read(len(buffer))
        self.hash.update(chunk)
        self.size += len(chunk)
        if b"\0" in chunk:
            raise _NulError
        buffer[: len(chunk)] = chunk
        return len(chunk)


@contextmanager
def read_lines(files: ProjectFiles, path: str, *, known: str | None = None) -> Iterator[Iterator[str]]:
    """The lines of a data file, parted at LF only; the file is recorded when it has been read to the end.

    The lines raise DecodingError where the bytes are no text; FileError where the file cannot be read, or is
    not what it was: `known` is its SHA-256 then.
    """
    if known is None:
        _refuse_undecodable(files, path)
    else:
        with files.open(path) as stream:
            hashed(files, path, stream, known=known)
    with files.open(path) as stream:
        watched = _Watched(stream)
        buffered = io.BufferedReader(watched, CHUNK)
        yield _lines(files, path, buffered)
        _drain(buffered)
        located = files.resolve(path)
        files.record(FileSnapshot(located, watched.hash.hexdigest(), watched.size, None))


def hashed(files: ProjectFiles, path: str, stream: BinaryIO, *, known: str | None = None) -> FileSnapshot:
    """What a data file is, for the record; raises FileError where it is not what it was."""
    found, size = hashlib.sha256(), 0
    while chunk := stream.read(CHUNK * 16):
        found.update(chunk)
        size += len(chunk)
    return _unchanged(FileSnapshot(files.resolve(path), found.hexdigest(), size, None), known)


def _unchanged(snapshot: FileSnapshot, known: str | None) -> FileSnapshot:
    if known is not None and snapshot.sha256 != known:
        message = f"{shown(snapshot.path)} has changed since its rows were checked"
        raise FileError(message, code="changed", hint="run it again")
    return snapshot


def read_whole(files: ProjectFiles, path: str, *, known: str | None = None) -> str:
    """The text of a data file that cannot be streamed, at most 32 MB."""
    with files.open(path) as stream:
        content = stream.read(LARGEST_WHOLE + 1)
    if len(content) > LARGEST_WHOLE:
        message = f"{shown(path)} is larger than {LARGEST_WHOLE // 2**20} MB"
        raise FileError(message, code="too-large", hint="write it as JSONL, which is read as a stream")
    located, digest = files.resolve(path), hashlib.sha256(content).hexdigest()
    files.record(_unchanged(FileSnapshot(located, digest, len(content), None), known))
    return decode(content)


def _lines(files: ProjectFiles, path: str, buffered: "io.BufferedReader[_Watched]") -> Iterator[str]:
    try:
        head = buffered.peek(CHUNK)
        refuse_other_encodings(head[:4096])
        if head.startswith(BOM):
            buffered.read(len(BOM))
        text = io.TextIOWrapper(buffered, encoding="utf-8", newline="\n")
        for line in iter(partial(text.readline, LONGEST_ROW + 1), ""):
            if len(line) > LONGEST_ROW:
                raise FileError(f"{shown(path)} has a line of more than 10 MB", code="too-large")
            yield line
        text.detach()
    except (_NulError, UnicodeDecodeError):
        raise _located_fault(files, path) from None
    except OSError as error:
        raise FileError(f"{shown(path)} cannot be read: {(error.strerror or 'error').lower()}") from None


def _refuse_undecodable(files: ProjectFiles, path: str) -> None:
    """Raises DecodingError where the bytes are no text: at once, before any row is looked at."""
    try:
        with files.open(path) as stream:
            watched = io.BufferedReader(_Watched(stream), CHUNK)
            decoder = codecs.getincrementaldecoder("utf-8")()
            while chunk := watched.read(CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except (_NulError, UnicodeDecodeError):
        raise _located_fault(files, path) from None


def _located_fault(files: ProjectFiles, path: str) -> DecodingError:
    with files.open(path) as stream:
        try:
            for number, line in enumerate(iter(partial(stream.readline, LONGEST_ROW), b""), start=1):
                decode(line, first_line=number)
        except DecodingError as fault:
            return fault
    hint = "save it, then try again"
    return DecodingError(
        "the file changed while it was read", position=Position(1, 1), code="changed", hint=hint
    )


def _drain(buffered: "io.BufferedReader[_Watched]") -> None:
    try:
        while buffered.read(CHUNK):
            pass
    except (_NulError, OSError):
        return
