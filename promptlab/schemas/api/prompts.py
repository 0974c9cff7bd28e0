"""Prompts as the API tells them: what uses them, how they were, and what changed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from promptlab.schemas.api.base import Answer
from promptlab.schemas.api.pipelines import FileProblem
from promptlab.schemas.api.queries import Limit, Query, Word

HASH = "0ec5e7a6d0f1b5ce7b0a5f0fd2a7e4b1f55a8aebd8dbb4c2f1d9a7f5bb64a6a1"
NEWER = "9b74c9897bac770ffc029102a200c5de2fa0b3a7c6a3d1a5b8d0f6b3e5c7a9d1"
USER: dict[str, Any] = {
    "pipeline": "support_triage",
    "path": "pipelines/support_triage.yaml",
    "step": "classify",
    "through": None,
}
LISTED: dict[str, Any] = {
    "name": "classify.j2",
    "path": "prompts/classify.j2",
    "size": 180,
    "hash": HASH,
    "front_matter": {"description": "Sort a ticket.", "model": "openai/gpt-4o-mini"},
    "users": [USER],
    "includes": [],
    "included_by": [],
}
WHOLE: dict[str, Any] = {
    **LISTED,
    "text": "{% system %}Sort.{% endsystem %}{{ ticket }}\n",
    "problems": [],
    "more_problems": 0,
}
TEXT: dict[str, Any] = {
    "name": "classify.j2",
    "path": "prompts/classify.j2",
    "version": "4176111d2f0a",
    "hash": HASH,
    "text": "Sort: {{ ticket }}\n",
}
COMMIT: dict[str, Any] = {
    "commit": "4176111d2f0a9c1b7e5d3f1a2b4c6d8e0f1a2b3c",
    "author": "Ada",
    "date": "2026-11-20T09:30:00+01:00",
    "subject": "Ask for one word",
    "change": "changed",
    "hash": HASH,
}
USE: dict[str, Any] = {
    "hash": HASH,
    "runs": 12,
    "pipelines": ["support-triage"],
    "commits": ["4176111d2f0a9c1b7e5d3f1a2b4c6d8e0f1a2b3c"],
    "first_run": "01kb3s9y7m8f4v2q6x0c5d1e3g",
    "first_at": "2026-11-20T09:31:00Z",
    "last_run": "01kb4m2c6h1t8w5r3z7n9q4v0k",
    "last_at": "2026-11-23T18:20:00Z",
}
VERSIONS: dict[str, Any] = {
    "name": "classify.j2",
    "path": "prompts/classify.j2",
    "working": HASH,
    "commits": [COMMIT],
    "next_commit": None,
    "uses": [USE],
    "next_use": None,
}
DIFF: dict[str, Any] = {
    "path": "prompts/classify.j2",
    "before": {"version": "4176111d2f0a", "hash": HASH},
    "after": {"version": "working", "hash": NEWER},
    "unified": "--- prompts/classify.j2\t4176111d2f0a\n+++ prompts/classify.j2\tworking\n"
    "@@ -1 +1 @@\n-Sort: {{ ticket }}\n+Sort this: {{ ticket }}\n",
    "hunks": [
        {
            "before_line": 1,
            "before_lines": 1,
            "after_line": 1,
            "after_lines": 1,
            "lines": [
                {"kind": "removed", "text": "Sort: {{ ticket }}"},
                {"kind": "added", "text": "Sort this: {{ ticket }}"},
            ],
        }
    ],
}

type Hash = Annotated[str, Field(description="SHA-256 of the file.")]


class PromptUserAnswer(Answer):
    """A step that uses a prompt. `through`: the prompt that it names, where that includes this one."""

    pipeline: str
    path: str
    step: str | None
    through: str | None


class ListedPrompt(Answer):
    """A prompt; `name` is its address. `hash` null: it cannot be read.

    `includes` are those that it includes itself, `included_by` those that include it, through others too.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [LISTED]})

    name: str
    path: str
    size: Annotated[int, Field(description="In bytes.")]
    hash: Hash | None
    front_matter: Mapping[str, Any]
    users: list[PromptUserAnswer]
    includes: list[str]
    included_by: list[str]


class PromptList(Answer):
    prompts: list[ListedPrompt]


class WholePrompt(ListedPrompt):
    """A prompt with its text, and what is wrong in it as the pipelines say that use it."""

    model_config = ConfigDict(json_schema_extra={"examples": [WHOLE]})

    text: Annotated[str, Field(description="Secrets are masked, lines end at 20,000 characters.")]
    problems: list[FileProblem]
    more_problems: Annotated[int, Field(description="How many there are besides.")]


class PromptVersionText(Answer):
    """A prompt as it was."""

    model_config = ConfigDict(json_schema_extra={"examples": [TEXT]})

    name: str
    path: str
    version: str
    hash: Hash
    text: Annotated[str, Field(description="Secrets are masked, lines end at 20,000 characters.")]


class VersionsQuery(Query):
    """Which of the commits and of the uses."""

    after_commit: Annotated[Word | None, Field(description="`next_commit` of the page before.")] = None
    after_use: Annotated[Word | None, Field(description="`next_use` of the page before.")] = None
    limit: Annotated[Limit, Field(description="How many of each on a page.")] = 50


class CommitAnswer(Answer):
    """A commit that changed a prompt. `hash`: of the text in it, null where the prompt is gone."""

    commit: str
    author: str
    date: datetime
    subject: str
    change: Literal["added", "changed", "deleted"]
    hash: Hash | None


class UseAnswer(Answer):
    """A text as runs used it. `commits`: those that they ran at, the newest last, at most 20."""

    hash: Hash
    runs: int
    pipelines: list[str]
    commits: list[str]
    first_run: str
    first_at: datetime
    last_run: str
    last_at: datetime


class PromptVersionList(Answer):
    """How a prompt was: by git, the newest commit first, and by use, the most recently used first.

    `working`: the hash of the file on disk, null where there is none any more.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [VERSIONS]})

    name: str
    path: str
    working: Hash | None
    commits: list[CommitAnswer]
    next_commit: Annotated[str | None, Field(description="`after_commit` of the next page; null: the last.")]
    uses: list[UseAnswer]
    next_use: Annotated[str | None, Field(description="`after_use` of the next page; null: the last.")]


type Version = Annotated[str, Field(min_length=1, max_length=200)]


class DiffQuery(Query):
    """Which two versions: a commit, branch or tag, the hash of a text that runs used, or `working`."""

    before: Annotated[Version, Field(alias="from", description="The earlier version.", examples=["HEAD"])]
    after: Annotated[Version, Field(alias="to", description="The later version.")] = "working"


class DiffSide(Answer):
    version: str
    hash: Hash


class DiffLineAnswer(Answer):
    kind: Literal["same", "removed", "added"]
    text: str


class HunkAnswer(Answer):
    """Lines that differ, with three around them; numbers count from 1."""

    before_line: int
    before_lines: int
    after_line: int
    after_lines: int
    lines: list[DiffLineAnswer]


class PromptDiffAnswer(Answer):
    """What changed between two versions of a prompt."""

    model_config = ConfigDict(json_schema_extra={"examples": [DIFF]})

    path: str
    before: DiffSide
    after: DiffSide
    unified: Annotated[str, Field(description="As `diff -u` writes it; empty where nothing differs.")]
    hunks: list[HunkAnswer]
