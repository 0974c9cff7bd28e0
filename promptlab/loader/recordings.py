"""The recordings of a pipeline: `recordings/<pipeline>/<first two>/<fingerprint>.json`, one answer a file."""

import re
from collections.abc import Iterator

from promptlab.loader.decoding import DecodingError, decode
from promptlab.loader.files import LARGEST, ProjectFiles, add_unreadable
from promptlab.loader.problems import Problems
from promptlab.loader.recording import Recording, read_recording
from promptlab.loader.sources import FileError

FOLDER = "recordings"
USUAL = 1 << 16  # bytes; a buffer for the largest costs more than the file
_NAME = re.compile(r"[0-9a-f]{64}\.json")


def recording_path(pipeline: str, fingerprint: str) -> str:
    """Give where the answer to a request is recorded, below the project's root."""
    return f"{FOLDER}/{pipeline}/{fingerprint[:2]}/{fingerprint}.json"


def recorded_pipelines(files: ProjectFiles) -> list[str]:
    """Give the names of the pipelines that have recordings, or had."""
    if not files.exists(FOLDER):
        return []
    return [name.rstrip("/") for name in files.list(FOLDER) if name.endswith("/")]


class Recordings:
    """Reads the recordings of one pipeline, in a folder or in a commit; each when it is asked for.

    Which there are is looked up once, folder by folder.
    """

    def __init__(self, files: ProjectFiles, pipeline: str) -> None:
        self._source = files.source
        self.pipeline = pipeline
        self._shards: dict[str, list[str]] = {}

    @property
    def are_there(self) -> bool:
        """Whether anything may be recorded."""
        return self._source.exists(f"{FOLDER}/{self.pipeline}")

    def find(self, fingerprint: str) -> Recording | None:
        """Give the recorded answer; raises InvalidPipeline for a file that is no recording."""
        if fingerprint not in self._in(fingerprint[:2]):
            return None
        problems = Problems()
        text = self.text(fingerprint, problems)
        path = recording_path(self.pipeline, fingerprint)
        found = None if text is None else read_recording(path, text, problems, named=fingerprint)
        problems.raise_errors()
        return found

    def elsewhere(self, fingerprint: str) -> str | None:
        """Give the folder in which an answer is recorded, if that is none of this pipeline's."""
        if not self._source.exists(FOLDER):
            return None
        folders = (f"{FOLDER}/{name.rstrip('/')}" for name in self._source.list(FOLDER) if name.endswith("/"))
        file = f"{fingerprint[:2]}/{fingerprint}.json"
        return next((one for one in folders if self._source.exists(f"{one}/{file}")), None)

    def require_sound(self) -> None:
        """Raise InvalidPipeline where a file is no recording, with the problems of all."""
        problems = Problems()
        for fingerprint in self.fingerprints():
            text = self.text(fingerprint, problems)
            if text is not None:
                path = recording_path(self.pipeline, fingerprint)
                read_recording(path, text, problems, named=fingerprint)
        problems.raise_errors()

    def text(self, fingerprint: str, problems: Problems) -> str | None:
        """Give the text of a recording that is there; None, and a problem, where it cannot be read."""
        path = recording_path(self.pipeline, fingerprint)
        try:
            with self._source.open(path) as stream:
                content = stream.read(USUAL)
                content += stream.read(LARGEST + 1 - USUAL) if len(content) == USUAL else b""
            if len(content) <= LARGEST:
                return decode(content)
            problems.add(path, None, f"it is larger than {LARGEST // 2**20} MB", code="too-large")
        except FileError as error:
            problems.add(path, None, error.message, code=error.code, hint=error.hint)
        except OSError as error:
            problems.add(
                path, None, f"it cannot be read: {(error.strerror or str(error)).lower()}", code="file"
            )
        except DecodingError as error:
            add_unreadable(problems, path, error)
        return None

    def fingerprints(self) -> Iterator[str]:
        """Give the fingerprints of all that is recorded, sorted."""
        if self.are_there:
            for name in self._source.list(f"{FOLDER}/{self.pipeline}"):
                yield from self._in(name.removesuffix("/"))

    def _in(self, shard: str) -> list[str]:
        """Give what is in a folder; one that leads elsewhere has nothing in it."""
        if shard not in self._shards:
            names = self._source.list(f"{FOLDER}/{self.pipeline}/{shard}")
            found = (name.removesuffix(".json") for name in names if _NAME.fullmatch(name))
            self._shards[shard] = [fingerprint for fingerprint in found if fingerprint[:2] == shard]
        return self._shards[shard]
