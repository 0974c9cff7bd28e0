"""The recordings that an address names: answers kept as files, and which are missing or stale."""

import asyncio
from bisect import bisect_right
from datetime import UTC, datetime
from pathlib import PurePosixPath

from promptlab.core.errors import NotFound
from promptlab.core.frozen import frozen
from promptlab.live.needed import Needed, needed
from promptlab.live.serving.pipelines import AskedPipelines
from promptlab.live.stale import stale_fingerprints
from promptlab.loader.loading import load_pipeline
from promptlab.loader.problems import Problems
from promptlab.loader.recording import Recording, read_recording
from promptlab.loader.recordings import Recordings, recorded_pipelines, recording_path
from promptlab.services.cursors import cursor_of, key_of


@frozen
class RecordedPipeline:
    """A folder of recordings; `size` in bytes."""

    name: str
    count: int
    size: int


@frozen(kw_only=True)
class RecordedFile:
    """A file of recordings. `recording` None: it is none, and `problem` says why."""

    fingerprint: str
    path: str
    size: int
    written_at: datetime
    recording: Recording | None
    problem: str | None


@frozen
class RecordedPage:
    """Files in order of their fingerprints; `next`: the cursor of the page after it, None for the last."""

    files: tuple[RecordedFile, ...]
    next: str | None


@frozen
class CheckedRecordings:
    """What a replay would need. `stale`: fingerprints that nobody needs; None: that cannot be told yet."""

    needed: Needed
    stale: tuple[str, ...] | None


@frozen
class AskedRecordings:
    """Looks at recordings of a project. Raises NotFound for what is not recorded."""

    pipelines: AskedPipelines

    def all(self) -> list[RecordedPipeline]:
        """Give the pipelines that have recordings, or had."""
        return [self._counted(name) for name in recorded_pipelines(self.pipelines.project.files)]

    def page(self, pipeline: str, *, cursor: str | None, limit: int) -> RecordedPage:
        """Give the recordings after a cursor; raises UsageError where that is broken."""
        fingerprints = [*self._recordings(pipeline).fingerprints()]
        start = bisect_right(fingerprints, key_of(cursor, str)[0]) if cursor is not None else 0
        chosen = fingerprints[start : start + limit]
        is_last = start + limit >= len(fingerprints)
        files = tuple(self._file(pipeline, fingerprint) for fingerprint in chosen)
        return RecordedPage(files, None if is_last else cursor_of(chosen[-1]))

    def one(self, pipeline: str, fingerprint: str) -> RecordedFile:
        if fingerprint not in set(self._recordings(pipeline).fingerprints()):
            raise NotFound(
                f"'{pipeline}' has no recording {fingerprint}",
                hint=f"`/api/recordings/{pipeline}` lists them",
            )
        return self._file(pipeline, fingerprint)

    def check(self, pipeline: str) -> CheckedRecordings:
        """Say which recordings a pipeline lacks, and which nobody needs; nothing is called.

        Raises InvalidPipeline where the pipeline, or a recording of it, cannot be used.
        """
        path, names = self.pipelines.path(pipeline), self.pipelines.names()
        called = names.get(path) or PurePosixPath(path).stem
        alike = [other for other in names if names[other] == called and other != path]
        needs = [self._needed(one) for one in (path, *alike)]
        stale = stale_fingerprints(self.pipelines.project, needs[0], needs)
        return CheckedRecordings(needs[0], None if stale is None else tuple(stale))

    def _needed(self, path: str) -> Needed:
        project = self.pipelines.project
        loaded = load_pipeline(project.files, path, project.targets())
        return asyncio.run(needed(project, loaded))

    def _counted(self, name: str) -> RecordedPipeline:
        sizes = [self._stat(name, fingerprint)[0] for fingerprint in self._recordings(name).fingerprints()]
        return RecordedPipeline(name, len(sizes), sum(sizes))

    def _recordings(self, pipeline: str) -> Recordings:
        files = self.pipelines.project.files
        if pipeline not in recorded_pipelines(files):
            raise NotFound(
                f"there are no recordings of '{pipeline[:100]}'", hint="`/api/recordings` lists them"
            )
        return Recordings(files, pipeline)

    def _file(self, pipeline: str, fingerprint: str) -> RecordedFile:
        problems, path = Problems(), recording_path(pipeline, fingerprint)
        size, written_at = self._stat(pipeline, fingerprint)
        text = Recordings(self.pipelines.project.files, pipeline).text(fingerprint, problems)
        found = None if text is None else read_recording(path, text, problems, named=fingerprint)
        return RecordedFile(
            fingerprint=fingerprint,
            path=path,
            size=size,
            written_at=written_at,
            recording=found,
            problem=next((problem.message for problem in problems), None),
        )

    def _stat(self, pipeline: str, fingerprint: str) -> tuple[int, datetime]:
        """Give size and time of a file; of one that has just gone nothing."""
        try:
            found = (self.pipelines.project.root / recording_path(pipeline, fingerprint)).lstat()
        except OSError:
            return 0, datetime.fromtimestamp(0, UTC)
        return found.st_size, datetime.fromtimestamp(found.st_mtime, UTC)
