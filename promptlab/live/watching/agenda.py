"""Which saved states are still to be run: each at most once, the last one always."""

from collections.abc import Collection, Mapping
from dataclasses import field

from promptlab.core.frozen import slotted
from promptlab.live.watching.loading import Entry, State
from promptlab.live.watching.tree import Seen
from promptlab.live.watching.turn import FileChange


@slotted
class Agenda:
    """`files`: what was saved since the last turn began."""

    files: dict[str, FileChange] = field(default_factory=dict)
    _due: dict[str, Entry] = field(default_factory=dict)
    _seen: dict[str, tuple[Entry, State]] = field(default_factory=dict)
    _begun: dict[str, State] = field(default_factory=dict)
    _broken: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self._due)

    def __contains__(self, path: str) -> bool:
        return path in self._due

    def saw(self, entry: Entry, known: Mapping[str, Seen]) -> bool:
        """Take a pipeline that was loaded anew; give whether it is in order again, as it was last run."""
        self._due.pop(entry.path, None)
        if entry.loaded is None:
            self._broken.add(entry.path)
            return False
        is_mended = entry.path in self._broken
        self._broken.discard(entry.path)
        state = entry.state(known)
        self._seen[entry.path] = entry, state
        if state == self._begun.get(entry.path):
            return is_mended
        self._due[entry.path] = entry
        return False

    def keep(self, paths: Collection[str]) -> list[str]:
        """Leave out what is due of pipelines that are none any more; give those that were there before."""
        self._due = {path: entry for path, entry in self._due.items() if path in paths}
        gone = [path for path in self._seen if path not in paths]
        for path in gone:
            del self._seen[path]
        return gone

    def take(self) -> list[Entry]:
        """Take all that is due."""
        due, self._due = list(self._due.values()), {}
        return due

    def take_files(self) -> dict[str, FileChange]:
        files, self.files = self.files, {}
        return files

    def begin(self, entry: Entry) -> None:
        """A pipeline is run as it was when it was loaded, whatever was saved since."""
        seen = self._seen.get(entry.path)
        if seen is not None and seen[0] is entry:
            self._begun[entry.path] = seen[1]
        else:
            self._begun.pop(entry.path, None)

    def leave(self, entry: Entry | None) -> None:
        """A run did not come to its end, and what is left of it is due, unless something newer is."""
        if entry is not None and entry.loaded is not None:
            self._begun.pop(entry.path, None)
            self._due.setdefault(entry.path, entry)

    def forget(self, path: str) -> None:
        """A run failed as a whole; saving the same state again tries again."""
        self._begun.pop(path, None)
