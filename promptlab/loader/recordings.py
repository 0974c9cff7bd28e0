"""The recordings of a pipeline: `recordings/<pipeline>/<first two>/<fingerprint>.json`, one answer a file."""

import re
from collections.abc import Iterator

from promptlab.loader.files import ProjectFiles
from promptlab.loader.problems import Problems
from promptlab.loader.recording import Recording, read_recording
from promptlab.loader.sources import FileError

FOLDER = "recordings"
_NAME = re.compile(r"[0-9a-f]{64}\.json")


def recording_path(pipeline: str, fingerprint: str) -> str:
    """Give where the answer to a request is recorded, below the project's root."""
    return f"{FOLDER}/{pipeline}/{fingerprint[:2]}/{fingerprint}.json"


class Recordings:
    """Reads the recordings of one pipeline, in a folder or in a commit; each when it is asked for."""

    def __init__(self, files: ProjectFiles, pipeline: str) -> None:
        self._files = ProjectFiles(files.source)
        self.pipeline = pipeline

    @property
    def are_there(self) -> bool:
        """Whether anything may be recorded."""
        return self._files.exists(f"{FOLDER}/{self.pipeline}")

    def find(self, fingerprint: str) -> Recording | None:
        """Give the recorded answer; raises InvalidPipeline for a file that is no recording."""
        path = recording_path(self.pipeline, fingerprint)
        if not self._files.exists(path):
            return None
        problems = Problems()
        try:
            text = self._files.read_text(path, problems)
        except FileError as error:
            problems.add(path, None, error.message, code=error.code, hint=error.hint)
            text = None
        self._files.files_read.clear()  # there may be very many
        found = None if text is None else read_recording(path, text, problems, named=fingerprint)
        problems.raise_errors()
        return found

    def fingerprints(self) -> Iterator[str]:
        """Give the fingerprints of all that is recorded, sorted."""
        for shard in self._folders(f"{FOLDER}/{self.pipeline}"):
            for name in self._files.list(f"{FOLDER}/{self.pipeline}/{shard}"):
                if _NAME.fullmatch(name):
                    yield name.removesuffix(".json")

    def _folders(self, folder: str) -> Iterator[str]:
        if self._files.exists(folder):
            yield from (name.rstrip("/") for name in self._files.list(folder) if name.endswith("/"))
