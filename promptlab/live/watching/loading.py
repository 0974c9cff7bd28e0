"""What the saved files make of the pipelines: loaded anew where a file of theirs has changed."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import field, replace

from promptlab.core.errors import PromptlabError, UsageError
from promptlab.core.frozen import frozen, slotted
from promptlab.engine.provider import Provider
from promptlab.engine.targets import Targets
from promptlab.live.watching.noted import Noted
from promptlab.live.watching.tree import Seen
from promptlab.loader.changes import NO_CHANGES, Changes
from promptlab.loader.files import ProjectFiles
from promptlab.loader.loading import LoadedPipeline, check_pipeline
from promptlab.loader.memory import LoadingMemory
from promptlab.loader.problems import InvalidPipeline, Problems
from promptlab.loader.project import PIPELINES, SETTINGS, Project, open_project
from promptlab.loader.sources import FileError
from promptlab.loader.validating import OF_CALLER, STEPS

DOTENV = ".env"
OF_ALL = frozenset({SETTINGS, DOTENV})

type State = frozenset[tuple[str, str | None]]


@frozen
class Entry:
    """A watched pipeline: as it was loaded, or why it cannot be run. `noted`: what it is made of."""

    path: str
    noted: Noted
    loaded: LoadedPipeline | None = None
    error: PromptlabError | None = None

    def state(self, known: Mapping[str, Seen]) -> State:
        """Give the files that it is made of, by content."""
        files = self.noted.files | OF_ALL
        return frozenset((name, known[name].digest) for name in files if name in known)

    def read(self) -> dict[str, str]:
        """Give the hashes of the files as they were read."""
        if self.loaded is None:
            return {}
        return {path: snapshot.sha256 for path, snapshot in self.loaded.files.files_read.items()}


@slotted
class Loading:
    """Loads the pipelines that are watched; none named: all that there are, new ones too.

    Providers live on from load to load, until the settings change; `memory` is open as long as there are
    loads.
    """

    project: Project
    paths: Sequence[str]
    model: str | None = None
    changes: Changes = NO_CHANGES
    entries: dict[str, Entry] = field(default_factory=dict)
    error: PromptlabError | None = None
    memory: LoadingMemory = field(default_factory=LoadingMemory)
    _worn_out: list[Provider] = field(default_factory=list)
    _providers: dict[str, Provider] = field(default_factory=dict)
    _folder: Noted | None = None

    def load(self, changed: Collection[str] | None = None) -> list[Entry]:
        """Load what is made of files that changed (None: everything); give those pipelines.

        What is wrong with the project as a whole is in `error` then, and nothing is loaded.
        """
        everything = changed is None or self.error is not None or bool(OF_ALL & set(changed))
        if everything and not self._open():
            return []
        return self.take(
            [self._load(path) for path in self._all() if everything or self._is_touched(path, changed)]
        )

    def foresee(self, changed: Collection[str]) -> list[Entry]:
        """Load known pipelines that are made of files that changed, without taking them over."""
        return [self._load(path) for path in self.entries if self._is_touched(path, changed)]

    def take(self, touched: Sequence[Entry]) -> list[Entry]:
        """Take over pipelines that were loaded; give those that are run by themselves."""
        self.entries = self.entries | {entry.path: entry for entry in touched}  # a new one: others read it
        return [entry for entry in touched if not self._is_part(entry)]

    def require_usable(self) -> None:
        """Raise UsageError or FileError for what is wrong with names and options, which no save mends."""
        if not self.entries:
            hint = "write one, or begin with `promptlab init`"
            raise UsageError(f"there are no pipelines in {self.project.root / PIPELINES}", hint=hint)
        for entry in self:
            if isinstance(entry.error, UsageError | FileError):
                raise entry.error

    def names(self) -> set[str]:
        """Give all that the pipelines are made of, found or not."""
        noted = [self._folder, *(entry.noted for entry in self.entries.values())]
        return set(OF_ALL).union(*(one.names for one in noted if one is not None))

    def __iter__(self) -> Iterator[Entry]:
        """The pipelines that are run, in their order."""
        return (entry for entry in self.entries.values() if not self._is_part(entry))

    async def warm_up(self) -> None:
        """Import and open what the first request to each model needs."""
        loaded = [entry.loaded for entry in self if entry.loaded is not None]
        steps = (step for one in loaded for cell in one.cells for step in cell.all_steps())
        targets = [target for step in steps if step.target is not None for target in step.target.line]
        able = {id(target.provider): target.provider for target in targets if not target.problem}
        for provider in able.values():
            await provider.warm_up()

    async def close_worn_out(self) -> None:
        """Close what older settings had built; no run may be under way."""
        while self._worn_out:
            await self._worn_out.pop().close()

    async def close(self) -> None:
        self._worn_out += self._providers.values()
        self._providers = {}
        await self.close_worn_out()

    def _open(self) -> bool:
        """Read the settings again."""
        try:
            self.project = open_project(root=self.project.root)
        except PromptlabError as error:
            self.error = error
            return False
        self.error = None
        self._worn_out += self._providers.values()
        self._providers = {}
        return True

    def _all(self) -> list[str]:
        if self.paths:
            return list(self.paths)
        self._folder = Noted(self.project.files.source)
        there = replace(self.project, files=ProjectFiles(self._folder)).pipelines()
        self.entries = {path: self.entries[path] for path in there if path in self.entries}
        return there

    def _is_touched(self, path: str, changed: Collection[str] | None) -> bool:
        entry = self.entries.get(path)
        return entry is None or changed is None or not entry.noted.names.isdisjoint(changed)

    def _load(self, path: str) -> Entry:
        noted, problems = Noted(self.project.files.source), Problems()
        files = ProjectFiles(noted)
        files.files_read |= self.project.files.files_read
        try:
            loaded = check_pipeline(files, path, self._targets(), problems, self.changes, self.memory)
            problems.raise_errors()
        except PromptlabError as error:
            before = self.entries.get(path)
            noted.names |= before.noted.names if before is not None else set()
            return Entry(path, noted, error=error)
        return Entry(path, noted, loaded)

    def _targets(self) -> Targets:
        targets = self.project.targets(self.model)
        targets.providers = self._providers
        return targets

    def _is_part(self, entry: Entry) -> bool:
        """Say whether a file of pipelines/ is none that is run by itself: data, or called by another one."""
        if self.paths or entry.error is None or not self._is_named(entry):
            return False
        if not isinstance(entry.error, InvalidPipeline):
            return False
        codes = {problem.code for problem in entry.error.problems}
        return codes <= OF_CALLER or not self._has_steps(entry)

    def _is_named(self, entry: Entry) -> bool:
        others = (other for other in self.entries.values() if other.path != entry.path)
        return any(entry.path in other.noted.names for other in others)

    def _has_steps(self, entry: Entry) -> bool:
        try:
            content = ProjectFiles(self.project.files.source).read(entry.path).content
        except PromptlabError:
            return True
        return STEPS.search(content or b"") is not None
