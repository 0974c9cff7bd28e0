"""Recordings: counted by pipeline, listed, read, and held against what a replay needs."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from promptlab.api.answers import answered, tagged_by_content
from promptlab.api.runs import NOT_MODIFIED
from promptlab.live.serving.pipelines import PipelinesDep
from promptlab.live.serving.recorded import AskedRecordings, CheckedRecordings, RecordedFile
from promptlab.loader.recording import Recording
from promptlab.schemas.api.recordings import (
    Fingerprint,
    RecordedFolder,
    RecordedFolders,
    RecordingLine,
    RecordingPage,
    RecordingsCheck,
    RecordingsQuery,
    WholeRecording,
)

router = APIRouter(prefix="/recordings", tags=["recordings"])

MOST_TOLD = 200
_OF_REQUEST = (
    "kind",
    "api",
    "endpoint",
    "model",
    "sample",
    "finish_reason",
    "input_tokens",
    "output_tokens",
    "cost_usd",
)
OTHERS: dict[str, Literal["http", "python"]] = {"http": "http", "python": "python"}

type Name = Annotated[
    str, Path(description="The name of its pipeline.", max_length=200, examples=["support-triage"])
]


def get_recordings(pipelines: PipelinesDep) -> AskedRecordings:
    return AskedRecordings(pipelines)


type RecordingsDep = Annotated[AskedRecordings, Depends(get_recordings)]


@router.get("", response_model=RecordedFolders)
def list_recorded(recordings: RecordingsDep) -> Response:
    """List the pipelines that have recordings: how many, and how large."""
    found = [
        RecordedFolder(pipeline=one.name, recordings=one.count, bytes=one.size) for one in recordings.all()
    ]
    return answered(RecordedFolders(pipelines=found))


@router.get("/{pipeline}", response_model=RecordingPage, responses=NOT_MODIFIED)
def list_recordings(
    pipeline: Name, query: Annotated[RecordingsQuery, Query()], request: Request, recordings: RecordingsDep
) -> Response:
    """List the recordings of a pipeline by their fingerprints."""
    page = recordings.page(pipeline, cursor=query.cursor, limit=query.limit)
    lines = [RecordingLine(**_line(file)) for file in page.files]
    return tagged_by_content(request, RecordingPage(pipeline=pipeline, recordings=lines, next=page.next))


@router.get("/{pipeline}/check", response_model=RecordingsCheck)
def check_recordings(pipeline: Name, recordings: RecordingsDep) -> Response:
    """Say which recordings a pipeline lacks, and which nobody needs; nothing is called or written."""
    return answered(_checked(recordings.check(pipeline)))


@router.get("/{pipeline}/{fingerprint}", response_model=WholeRecording, responses=NOT_MODIFIED)
def read_recording(
    pipeline: Name,
    fingerprint: Annotated[Fingerprint, Path(description="That of its request.")],
    request: Request,
    recordings: RecordingsDep,
) -> Response:
    """Read one recording: what was asked, and what came."""
    file = recordings.one(pipeline, fingerprint)
    return tagged_by_content(request, WholeRecording(**_line(file), **_content(file.recording)))


def _line(file: RecordedFile) -> dict[str, Any]:
    found = file.recording
    told = dict.fromkeys(_OF_REQUEST) if found is None else _told(found)
    return {
        "fingerprint": file.fingerprint,
        "path": file.path,
        "bytes": file.size,
        "written_at": file.written_at,
        "problem": file.problem,
        **told,
    }


def _told(found: Recording) -> dict[str, Any]:
    asked, answer = found.request, found.answer
    api = _text(asked.get("api"))
    sample = asked.get("sample")
    return {
        "kind": OTHERS.get(api or "", "model"),
        "api": api,
        "endpoint": _text(asked.get("endpoint")),
        "model": _text(asked.get("model")),
        "sample": sample if isinstance(sample, int) else None,
        "finish_reason": answer.finish_reason,
        "input_tokens": answer.usage.input_tokens,
        "output_tokens": answer.usage.output_tokens,
        "cost_usd": answer.cost_usd,
    }


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _content(found: Recording | None) -> dict[str, Any]:
    if found is None:
        nothing = dict.fromkeys(("request", "text", "error", "latency_ms", "answered_by"))
        return {**nothing, "tool_calls": []}
    answer = found.answer
    return {
        "request": found.request,
        "text": answer.text,
        "error": answer.error,
        "tool_calls": [call.as_json() for call in answer.tool_calls],
        "latency_ms": answer.latency_ms,
        "answered_by": answer.answered_by or None,
    }


def _checked(found: CheckedRecordings) -> RecordingsCheck:
    one, stale = found.needed, found.stale
    return RecordingsCheck(
        pipeline=one.pipeline,
        path=one.path,
        recorded=len(one.used),
        missing=[missing.as_json() for missing in one.missing[:MOST_TOLD]],
        more_missing=max(0, len(one.missing) - MOST_TOLD),
        stale=None if stale is None else [*stale[:MOST_TOLD]],
        more_stale=max(0, len(stale or ()) - MOST_TOLD),
    )
