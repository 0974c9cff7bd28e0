"""A run as one JSON document, with all that the log knows of it."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from promptlab.core.json import JSON
from promptlab.models.base import json_text
from promptlab.schemas.log import RunRecord
from promptlab.schemas.run import MISSING, TrialResult
from promptlab.services.ratings import RatingService
from promptlab.services.runs import RunService
from promptlab.services.trials import TrialService

SCHEMA_VERSION = 1


class ExportService:
    """Writes runs out; `runs` reads from the same session."""

    def __init__(self, session: Session, *, runs: RunService) -> None:
        self._runs = runs
        self._session = session
        self._trials = TrialService(session)

    def document(self, run: RunRecord) -> Iterator[str]:
        """Give the document in pieces of text, a trial each."""
        files = self._runs.files(run.id)
        head = {
            "schema_version": SCHEMA_VERSION,
            "run": as_json(run),
            "files": {path: content.decode(errors="replace") for path, content in files.items()},
            "unknown_attempts": as_json(self._runs.unknown_attempts(run.id)),
        }
        yield json_text(head)[:-1] + ',"trials":['
        for number, trial in enumerate(self._trials.of_run(run.id)):
            yield (",\n" if number else "\n") + json_text(_trial(trial))
        ratings = RatingService(self._session, run).all()
        yield f"\n],{json_text({'ratings': as_json(ratings)})[1:]}\n" if ratings else "\n]}\n"


def _trial(trial: TrialResult) -> JSON:
    told = as_json(trial)
    return (
        {name: value for name, value in told.items() if name != "ratings"} if isinstance(told, dict) else told
    )


def as_json(value: Any) -> JSON:
    """Give the JSON of a value of ours; a field that is MISSING is left out."""
    if is_dataclass(value):
        named = ((field.name, getattr(value, field.name)) for field in fields(value))
        return {name: as_json(inner) for name, inner in named if inner is not MISSING}
    if isinstance(value, Mapping):
        return {str(name): as_json(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(inner) for inner in value]
    if isinstance(value, datetime):
        return value.isoformat()
    plain: JSON = value
    return plain
