"""Recorded answers beside the run log: looked up where the log has none, and written as they are used."""

import errno
import os
from collections import Counter
from dataclasses import field
from pathlib import Path
from typing import Literal

from promptlab.core.errors import StorageError
from promptlab.core.files import OWN_FOLDER, own_folder
from promptlab.core.frozen import frozen
from promptlab.engine.call_log import CallLog, Intent, RecordedAnswers
from promptlab.engine.completion import CallFailure, Completion, CompletionRequest
from promptlab.engine.day_limit import DaySpend
from promptlab.loader.files import LARGEST
from promptlab.loader.recording import recording_text, timeless
from promptlab.loader.recordings import FOLDER, Recordings, recording_path
from promptlab.schemas.report import Recorded

ATTRIBUTES = "* linguist-generated\n"

type Fate = Literal["new", "changed", "unchanged"]


@frozen
class Written:
    """Writes the recordings of a pipeline into the project at `root`; `seen`: what became of each file."""

    root: Path
    pipeline: str
    seen: dict[str, Fate] = field(default_factory=dict)

    def write(self, request: CompletionRequest, answer: Completion) -> None:
        """Write an answer where it is not recorded as it is; whole or not at all.

        Raises StorageError.
        """
        path = self.root / recording_path(self.pipeline, request.fingerprint)
        content = recording_text(request, answer).encode()
        _require_readable(path, content)
        try:
            fate = _fate(path, content)
            if fate != "unchanged":
                self._put(path, content)
        except OSError as error:
            raise StorageError(f"{path}: {(error.strerror or str(error)).lower()}") from error
        if self.seen.get(request.fingerprint, "unchanged") == "unchanged":
            self.seen[request.fingerprint] = fate

    def counts(self) -> Recorded:
        found = Counter(self.seen.values())
        return Recorded(new=found["new"], changed=found["changed"], unchanged=found["unchanged"])

    def _put(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        attributes = self.root / FOLDER / ".gitattributes"
        if not attributes.exists():
            attributes.write_text(ATTRIBUTES, encoding="utf-8")
        try:
            _replace(path, content, own_folder(self.root / OWN_FOLDER))
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            _replace(path, content, path.parent)


def _replace(path: Path, content: bytes, folder: Path) -> None:
    """Write a file anew, whole or not at all, by way of a folder, in which a kill may leave it."""
    new = folder / f".{path.stem}.{os.getpid()}"
    try:
        new.write_bytes(content)
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def _require_readable(path: Path, content: bytes) -> None:
    """Raise StorageError for what would be too large to be read again."""
    if len(content) > LARGEST:
        size, most = len(content) / 2**20, LARGEST // 2**20
        hint = "bound what is answered: `max_tokens` of a model, less from a tool, function or service"
        raise StorageError(f"{path}: it would have {size:.1f} MB, of {most} at most", hint=hint)


def _fate(path: Path, content: bytes) -> Fate:
    """Say what becomes of a file. Times alone change nothing, or branches that record would conflict."""
    try:
        before = path.read_bytes()
    except FileNotFoundError:
        return "new"
    return "unchanged" if before == content or timeless(before) == timeless(content) else "changed"


@frozen
class RecordedFiles:
    """The recordings alone, as a replay sees them."""

    recordings: Recordings

    async def recall(self, request: CompletionRequest, *, own_run_only: bool = False) -> Completion | None:
        found = None if own_run_only else self.recordings.find(request.fingerprint)
        return found.answer if found is not None else None


@frozen
class Behind:
    """What the log knows, and behind it what is recorded: what a live run recalls."""

    log: RecordedAnswers
    files: RecordedFiles

    async def recall(self, request: CompletionRequest, *, own_run_only: bool = False) -> Completion | None:
        found = await self.log.recall(request, own_run_only=own_run_only)
        if found is None:
            found = await self.files.recall(request, own_run_only=own_run_only)
        return None if found is None or found.error is not None else found  # what raised is run again


@frozen
class WithRecordings:
    """The log, and behind it what is recorded. `written`: where all answers go that are used, if anywhere."""

    log: CallLog
    files: RecordedFiles
    written: Written | None = None

    async def recall(self, request: CompletionRequest, *, own_run_only: bool = False) -> Completion | None:
        recorded = Behind(self.log, self.files)
        return self._used(request, await recorded.recall(request, own_run_only=own_run_only))

    async def in_doubt(self, fingerprint: str) -> bool:
        return await self.log.in_doubt(fingerprint)

    async def intend(self, intent: Intent) -> int | None:
        return await self.log.intend(intent)

    async def today(self) -> DaySpend:
        return await self.log.today()

    async def settle(self, attempt_id: int, intent: Intent, answer: Completion | CallFailure) -> int | None:
        completion_id = await self.log.settle(attempt_id, intent, answer)
        if isinstance(answer, Completion):
            self._used(intent.request, answer)
        return completion_id

    async def keep(self, request: CompletionRequest, answer: Completion) -> int:
        completion_id = await self.log.keep(request, answer)
        self._used(request, answer)
        return completion_id

    def _used[A: Completion | None](self, request: CompletionRequest, answer: A) -> A:
        if self.written is not None and answer is not None:
            self.written.write(request, answer)
        return answer
