"""What lies in the files of one side, as far as definitions do not hold it."""

from collections.abc import Iterator
from dataclasses import field
from hashlib import sha256

from promptlab.core.frozen import slotted
from promptlab.live.affected.normal import python_digest, texts_in
from promptlab.loader.files import ProjectFiles
from promptlab.loader.sources import FileError

MOST_LETTERS = 1024
CHUNK = 1 << 20


@slotted
class Contents:
    """`changed`: the files that are not alike on both sides."""

    files: ProjectFiles
    changed: frozenset[str]
    digests: dict[str, str | None] = field(default_factory=dict)

    def digest(self, path: str) -> str | None:
        """Give the SHA-256 of a file; None where there is none to be read."""
        if path not in self.digests:
            self.digests[path] = self._digest(path)
        return self.digests[path]

    def code(self, path: str) -> str:
        return python_digest(self.files.read(path).content or b"")

    def named_in(self, path: str) -> Iterator[str]:
        """Give the changed files that a text in a Python file may be the name of."""
        texts = texts_in(self.files.read(path).content or b"")
        for name in sorted(self.changed):
            if not name.endswith(".py") and any(name == text or name.endswith(f"/{text}") for text in texts):
                yield name

    def _digest(self, path: str) -> str | None:
        if not path or len(path) > MOST_LETTERS:
            return None
        state = sha256()
        try:
            with self.files.open(path) as stream:
                while chunk := stream.read(CHUNK):
                    state.update(chunk)
        except (FileError, OSError):
            return None
        return state.hexdigest()
