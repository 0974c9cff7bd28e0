"""Errors as problems: the one table of our errors and their statuses, and what is wrong with a request."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from promptlab.core.display import escaped, shortened
from promptlab.core.errors import (
    Busy,
    CannotGoOn,
    Conflict,
    LimitReached,
    NotFound,
    NothingToRun,
    PromptlabError,
    StorageError,
    UsageError,
)
from promptlab.live.hosting.errors import NotInOrder
from promptlab.live.serving.headers import BUG
from promptlab.live.serving.problem import MEDIA_TYPE, Problem
from promptlab.loader.problems import InvalidPipeline
from promptlab.loader.problems import Problem as FileProblem
from promptlab.loader.sources import FileError

STATUSES: dict[type[PromptlabError], int] = {  # the first that fits
    NotFound: 404,
    Conflict: 409,
    UsageError: 422,
    FileError: 422,
    LimitReached: 402,
    NothingToRun: 422,
    StorageError: 503,
    CannotGoOn: 503,
    PromptlabError: 503,
}
LONGEST = 2_000
MOST_FAULTS = 100
SOON = "5"  # seconds after which there may be room for another run
_TEXT = {"type": "string"}
DESCRIBED = {
    "type": "object",
    "required": ["title", "status", "detail"],
    "properties": {
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT | {"description": "where, what, and what to do"},
        "hint": _TEXT,
        "errors": {
            "type": "array",
            "items": {"type": "object", "properties": {"where": _TEXT, "message": _TEXT}},
        },
    },
    "example": {"title": "Not Found", "status": 404, "detail": "there is no run '01k'"},
}
DOCUMENTED: dict[int | str, dict[str, Any]] = {
    "default": {"description": "A problem (RFC 9457)", "content": {MEDIA_TYPE: {"schema": DESCRIBED}}}
}


def problem_of(error: Exception) -> Problem:
    """Give what an error is to whoever asked; of a bug no more than that there is one."""
    match error:
        case NotInOrder() | InvalidPipeline():
            return Problem(422, escaped(shortened(str(error), LONGEST)), errors=_faults_of(error))
        case Busy():
            return Problem(429, error.message, hint=error.hint, headers=(("Retry-After", SOON),))
        case PromptlabError():
            return Problem(_status(error), escaped(shortened(str(error), LONGEST)), hint=error.hint)
        case RequestValidationError():
            faults = tuple(map(_fault, error.errors()))
            return Problem(422, "the request is not as it should be", errors=faults)
        case HTTPException():
            headers = tuple((error.headers or {}).items())
            return Problem(error.status_code, escaped(shortened(str(error.detail), LONGEST)), headers=headers)
        case _:
            return BUG


def problem_response(problem: Problem) -> JSONResponse:
    headers = dict(problem.headers)
    return JSONResponse(problem.body(), problem.status, headers=headers, media_type=MEDIA_TYPE)


def _status(error: PromptlabError) -> int:
    return next(status for kind, status in STATUSES.items() if isinstance(error, kind))


def _faults_of(error: NotInOrder | InvalidPipeline) -> tuple[dict[str, Any], ...]:
    if isinstance(error, NotInOrder):
        return tuple(error.faults)
    return tuple(_found(problem) for problem in islice(error.problems, MOST_FAULTS))


def _found(problem: FileProblem) -> dict[str, Any]:
    where = f"{problem.file}:{problem.line}:{problem.column}"
    return {"where": where, "message": problem.message, "hint": problem.hint, "code": problem.code}


def _fault(found: Mapping[str, Any]) -> dict[str, Any]:
    return {"where": _place(found["loc"]), "message": found["msg"]}


def _place(path: Sequence[object]) -> str:
    return escaped(shortened(".".join(map(str, path)), 200))
