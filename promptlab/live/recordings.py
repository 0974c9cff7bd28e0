"""Recorded answers beside the run log: looked up where the log has none, and written as they are used."""

import os
from dataclasses import dataclass
from pathlib import Path

from promptlab.core.errors import StorageError
from promptlab.engine.call_log import CallLog, Intent
from promptlab.engine.completion import CallFailure, Completion, CompletionRequest
from promptlab.engine.day_limit import DaySpend
from promptlab.loader.recording import recording_text
from promptlab.loader.recordings import FOLDER, Recordings, recording_path

ATTRIBUTES = "* linguist-generated\n"


@dataclass(frozen=True, slots=True)
class Written:
    """Writes the recordings of a pipeline into the project at `root`."""

    root: Path
    pipeline: str

    def write(self, request: CompletionRequest, answer: Completion) -> None:
        """Write an answer where it is not recorded as it is; whole or not at all. Raises StorageError."""
        path = self.root / recording_path(self.pipeline, request.fingerprint)
        content = recording_text(request, answer).encode()
        try:
            if not path.exists() or path.read_bytes() != content:
                self._put(path, content)
        except OSError as error:
            raise StorageError(f"{path}: {(error.strerror or str(error)).lower()}") from error

    def _put(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        attributes = self.root / FOLDER / ".gitattributes"
        if not attributes.exists():
            attributes.write_text(ATTRIBUTES, encoding="utf-8")
        new = path.with_suffix(f".{os.getpid()}")
        new.write_bytes(content)
        new.replace(path)


@dataclass(frozen=True, slots=True)
class RecordedFiles:
    """The recordings alone, as a replay sees them."""

    recordings: Recordings

    async def recall(self, request: CompletionRequest, *, own_run_only: bool = False) -> Completion | None:
        found = None if own_run_only else self.recordings.find(request.fingerprint)
        return found.answer if found is not None else None


@dataclass(frozen=True, slots=True)
class WithRecordings:
    """The log, and behind it what is recorded. `written`: where all answers go that are used, if anywhere."""

    log: CallLog
    files: RecordedFiles
    written: Written | None = None

    async def recall(self, request: CompletionRequest, *, own_run_only: bool = False) -> Completion | None:
        found = await self.log.recall(request, own_run_only=own_run_only)
        if found is None:
            found = await self.files.recall(request, own_run_only=own_run_only)
        return self._used(request, found)

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
