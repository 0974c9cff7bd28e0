"""The prompts that an address names: as they are on disk, in git, and as runs used them."""

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated

from fastapi import Depends

from promptlab.analysis.line_diff import Hunk, hunks_between
from promptlab.core.errors import NotFound, UsageError
from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.live.serving.depends import LogDep, OpenedDep, SessionDep
from promptlab.live.serving.pipelines import AskedPipelines, PipelinesDep
from promptlab.live.serving.remembered import Remembered
from promptlab.loader.files import ProjectFiles, project_path
from promptlab.loader.front_matter import split_front_matter
from promptlab.loader.memory import LoadingMemory
from promptlab.loader.problems import Problems
from promptlab.loader.prompt_index import PromptIndex, PromptUser, prompt_index
from promptlab.loader.prompts import FOLDER, SUFFIXES
from promptlab.loader.source_text import SourceText
from promptlab.loader.sources import FileError
from promptlab.schemas.pages import PromptUsePage
from promptlab.services.git_history import GitHistory, HistoryPage
from promptlab.services.prompt_uses import PromptUses

WORKING = "working"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_REF = re.compile(r"[0-9A-Za-z_.][0-9A-Za-z_./-]{0,199}")
_LONGEST = 1_000


@frozen(kw_only=True)
class FoundPrompt:
    """A template on disk. `name`: its address; `digest`: the SHA-256 of the file, None: it cannot be read."""

    name: str
    path: str
    size: int
    digest: str | None
    front: Mapping[str, JSON]
    users: tuple[PromptUser, ...]
    includes: tuple[str, ...]
    included_by: tuple[str, ...]


@frozen(kw_only=True)
class PromptText:
    """A text of a prompt, secrets masked. `version`: as it was asked for."""

    name: str
    path: str
    version: str
    digest: str
    text: str


@frozen(kw_only=True)
class PromptVersions:
    """`working`: the SHA-256 of the file on disk, None where there is none any more."""

    name: str
    path: str
    working: str | None
    commits: HistoryPage
    uses: PromptUsePage


@frozen
class PromptDiff:
    """What changed from one text to another."""

    path: str
    before: PromptText
    after: PromptText
    hunks: tuple[Hunk, ...]


@frozen
class AskedPrompts:
    """Looks at prompts of a project. Raises NotFound for a name that none has, or had."""

    pipelines: AskedPipelines
    uses: PromptUses
    remembered: Remembered

    @property
    def history(self) -> GitHistory:
        return GitHistory(self.pipelines.project.root)

    def all(self) -> list[FoundPrompt]:
        """Give every template below prompts/, and those elsewhere that pipelines name."""
        index = self._index()
        return [self._found(index, path) for path in index.paths]

    def one(self, name: str) -> FoundPrompt:
        """Give a template that is there now."""
        index = self._index()
        path = next((path for path in _paths(name) if path in index.includes), None)
        if path is None:
            raise NotFound(f"there is no prompt '{name[:100]}'", hint="`/api/prompts` lists them")
        return self._found(index, path)

    def problems(self, path: str) -> Problems:
        """Say what is wrong in a template, as the pipelines say that use it; by itself where none does."""
        users = dict.fromkeys(user.path for user in self._index().users(path))
        with LoadingMemory() as memory:
            return self.pipelines.validation(memory).template(path, [*users])

    def text(self, name: str, version: str = WORKING) -> PromptText:
        """Give a prompt as it is, was in a commit, or was used by runs (by its SHA-256)."""
        return self._text(self._known(name), version)

    def versions(
        self, name: str, *, after_commit: str | None = None, after_use: str | None = None, limit: int = 50
    ) -> PromptVersions:
        """Give the commits that changed a prompt, and the texts that runs used; each after a cursor."""
        path = self._known(name)
        content = self._on_disk(path)
        return PromptVersions(
            name=_name(path),
            path=path,
            working=None if content is None else sha256(content).hexdigest(),
            commits=self.history.page(path, cursor=after_commit, limit=limit),
            uses=self.uses.page(path, cursor=after_use, limit=limit),
        )

    def diff(self, name: str, before: str, after: str = WORKING) -> PromptDiff:
        """Say what changed between two versions, each named as `text` takes it."""
        path = self._known(name)
        old, new = self._text(path, before), self._text(path, after)
        return PromptDiff(path, old, new, hunks_between(old.text, new.text))

    def _known(self, name: str) -> str:
        """Give the path of a prompt that is there, was in git, or was used; no other is ever looked for."""
        paths = _paths(name)
        present = self._index().includes
        for knows in (present.__contains__, self._was_in_git, self.uses.knows):
            for path in paths:
                if knows(path):
                    return path
        raise NotFound(f"there is and was no prompt '{name[:100]}'", hint="`/api/prompts` lists them")

    def _was_in_git(self, path: str) -> bool:
        return path.startswith(FOLDER) and path.endswith(SUFFIXES) and self.history.knows(path)

    def _text(self, path: str, version: str) -> PromptText:
        content = self._content(path, version)
        if content is None:
            hint = f"`/api/prompts/{_name(path)}/versions` lists what there is"
            raise NotFound(f"there is no '{path}' in '{version[:100]}'", hint=hint)
        text = SourceText(path, content.decode("utf-8", "replace")).without_secrets()
        return PromptText(
            name=_name(path), path=path, version=version, digest=sha256(content).hexdigest(), text=text
        )

    def _content(self, path: str, version: str) -> bytes | None:
        if version == WORKING:
            return self._on_disk(path)
        if _DIGEST.fullmatch(version):
            used = self.uses.content(path, version)
            if used is not None:
                return used
        if not _REF.fullmatch(version):
            raise UsageError(
                f"'{version[:100]}' is no version", hint="say a commit, the hash of a text, or `working`"
            )
        return self.history.content(path, version)

    def _on_disk(self, path: str) -> bytes | None:
        try:
            return ProjectFiles(self.pipelines.project.root).read(path).content
        except FileError:
            return None

    def _index(self) -> PromptIndex:
        project = self.pipelines.project
        return prompt_index(ProjectFiles(project.root), project.pipelines(), self.remembered.find)

    def _found(self, index: PromptIndex, path: str) -> FoundPrompt:
        content = self._on_disk(path)
        return FoundPrompt(
            name=_name(path),
            path=path,
            size=len(content or b""),
            digest=None if content is None else sha256(content).hexdigest(),
            front=_front(path, content or b""),
            users=tuple(index.users(path)),
            includes=index.includes[path],
            included_by=tuple(index.includers(path)),
        )


def _name(path: str) -> str:
    return path.removeprefix(FOLDER)


def _paths(name: str) -> list[str]:
    """Give the paths in the project that an address may mean; none where it is no path."""
    try:
        path = project_path(name[:_LONGEST])
    except FileError:
        return []
    return [FOLDER + path, path] if path == name else []


def _front(path: str, content: bytes) -> Mapping[str, JSON]:
    """Give the front matter as it is written, secrets masked; of one that cannot be read nothing."""
    text = SourceText(path, content.decode("utf-8", "replace")).without_secrets()
    document = split_front_matter(path, text, Problems()).document
    value = document.value if document is not None else None
    return value if isinstance(value, dict) else {}


def get_prompts(opened: OpenedDep, pipelines: PipelinesDep, session: SessionDep, log: LogDep) -> AskedPrompts:
    return AskedPrompts(pipelines, PromptUses(session, is_running=log.is_running), opened.remembered)


type PromptsDep = Annotated[AskedPrompts, Depends(get_prompts)]
