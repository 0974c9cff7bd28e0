"""What is recorded of requests that a pipeline made in a commit."""

from contextlib import suppress
from typing import override

from promptlab.core.frozen import frozen
from promptlab.engine.call_log import RecordedAnswers
from promptlab.engine.completion import Completion, CompletionRequest
from promptlab.loader.files import ProjectFiles
from promptlab.loader.problems import InvalidPipeline
from promptlab.loader.recording import Recording
from promptlab.loader.recordings import Recordings


class RecordingsThere(Recordings):
    """The recordings of a commit, then those of here: what was asked is told by the fingerprint.

    A file that is no recording is none: what lacks leaves its row without a pair.
    """

    def __init__(self, there: ProjectFiles, here: ProjectFiles, pipeline: str) -> None:
        super().__init__(there, pipeline)
        self._here = Recordings(here, pipeline)

    @property
    @override
    def are_there(self) -> bool:
        return super().are_there or self._here.are_there

    @override
    def find(self, fingerprint: str) -> Recording | None:
        found = None
        with suppress(InvalidPipeline):
            found = super().find(fingerprint)
        if found is None:
            with suppress(InvalidPipeline):
                found = self._here.find(fingerprint)
        return found


@frozen
class FirstOf:
    """Recorded answers from the first that has one."""

    sources: tuple[RecordedAnswers, ...]

    async def recall(self, request: CompletionRequest, *, own_run_only: bool = False) -> Completion | None:
        for source in self.sources:
            if (found := await source.recall(request, own_run_only=own_run_only)) is not None:
                return found
        return None
