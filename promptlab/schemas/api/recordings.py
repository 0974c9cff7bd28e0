"""Recordings as the API tells them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from promptlab.schemas.api.base import Answer
from promptlab.schemas.api.queries import Limit, Query, Word

FINGERPRINT = "3f1c9a0e5b7d2468ace013579bdf02468ace13579bdf02468ace13579bdf0246"
FOLDER: dict[str, Any] = {"pipeline": "support-triage", "recordings": 120, "bytes": 98304}
LINE: dict[str, Any] = {
    "fingerprint": FINGERPRINT,
    "path": f"recordings/support-triage/3f/{FINGERPRINT}.json",
    "bytes": 812,
    "written_at": "2026-11-20T09:30:00Z",
    "kind": "model",
    "api": "chat",
    "endpoint": "openai",
    "model": "gpt-4o-mini",
    "sample": 0,
    "finish_reason": "stop",
    "input_tokens": 120,
    "output_tokens": 2,
    "cost_usd": 0.00002,
    "problem": None,
}
WHOLE: dict[str, Any] = {
    **LINE,
    "request": {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Where is it?"}]},
    "text": "shipping",
    "error": None,
    "tool_calls": [],
    "latency_ms": 412.0,
    "answered_by": "gpt-4o-mini-2024-07-18",
}
MISSING: dict[str, Any] = {
    "row": 3,
    "row_id": "3",
    "cell": "base",
    "repeat": 0,
    "step": "classify",
    "model": "openai/gpt-4o-mini",
    "nearest": f"recordings/support-triage/3f/{FINGERPRINT}.json",
    "difference": ["-Where is it?", "+Where is my parcel?"],
}
CHECKED: dict[str, Any] = {
    "pipeline": "support-triage",
    "path": "pipelines/support_triage.yaml",
    "recorded": 119,
    "missing": [MISSING],
    "more_missing": 0,
    "stale": [FINGERPRINT],
    "more_stale": 0,
}

type Fingerprint = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class RecordedFolder(Answer):
    """The recordings of a pipeline."""

    model_config = ConfigDict(json_schema_extra={"examples": [FOLDER]})

    pipeline: str
    recordings: int
    bytes: int


class RecordedFolders(Answer):
    pipelines: list[RecordedFolder]


class RecordingsQuery(Query):
    """Which recordings."""

    cursor: Annotated[Word | None, Field(description="`next` of the page before.")] = None
    limit: Annotated[Limit, Field(description="How many on a page.")] = 50


class RecordingLine(Answer):
    """A recording. `written_at`: when its file was written. What a broken file does not tell is null.

    `kind`: what answered, `endpoint` where; `sample`: which of several answers to the same request.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [LINE]})

    fingerprint: str
    path: str
    bytes: int
    written_at: datetime
    kind: Literal["model", "http", "python"] | None
    api: str | None
    endpoint: str | None
    model: str | None
    sample: int | None
    finish_reason: str | None
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    problem: Annotated[str | None, Field(description="Why the file is no recording.")]


class RecordingPage(Answer):
    pipeline: str
    recordings: list[RecordingLine]
    next: Annotated[str | None, Field(description="The `cursor` of the next page; null: this is the last.")]


class WholeRecording(RecordingLine):
    """A recording with what was asked and what came, as its file has it."""

    model_config = ConfigDict(json_schema_extra={"examples": [WHOLE]})

    request: Mapping[str, Any] | None
    text: str | None
    error: str | None
    tool_calls: list[Mapping[str, Any]]
    latency_ms: float | None
    answered_by: str | None


class RecordingsCheck(Answer):
    """What `promptlab recordings check --json` tells: calls without a recording, and what nobody needs.

    `stale`: fingerprints; null: that cannot be told while recordings are missing, or where models compare.
    Lists end at 200.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [CHECKED]})

    pipeline: str
    path: str
    recorded: int
    missing: list[Mapping[str, Any]]
    more_missing: int
    stale: list[str] | None
    more_stale: int
