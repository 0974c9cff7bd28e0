"""The rows that say that a run has begun, and from which files."""

from datetime import datetime
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from sqlalchemy import Connection, insert
from sqlalchemy.dialects.sqlite import insert as insert_if_new
from sqlalchemy.orm import Session

from promptlab.models import Run, RunFile, Snapshot
from promptlab.schemas.log import RunStart, SourceFile
from promptlab.services.reopening import this_process


def write_beginning(session: Session, run_id: str, start: RunStart, begun: datetime) -> None:
    """Write a run without trials that had begun by then."""
    session.execute(insert(Run.__table__), {"id": run_id, "started_at": begun, **_facts(start)})
    for file in start.files:
        write_file(session.connection(), run_id, file)


def write_file(connection: Connection, run_id: str, file: SourceFile) -> None:
    """Write a file of a run, unless the run has one of this path already."""
    digest = sha256(file.content).hexdigest()
    snapshot = {"digest": digest, "content": file.content}
    connection.execute(insert_if_new(Snapshot.__table__).on_conflict_do_nothing(), snapshot)
    entry = {"run_id": run_id, "path": file.path, "kind": file.kind, "digest": digest}
    connection.execute(insert_if_new(RunFile.__table__).on_conflict_do_nothing(), entry)


def _facts(start: RunStart) -> dict[str, Any]:
    return {
        "pipeline": start.pipeline,
        "path": start.path,
        "status": "running",
        "git_commit": start.git_commit,
        "git_dirty": start.git_dirty,
        "version": _version(),
        **this_process(),
        "note": start.note,
        "options": start.options,
        "made_with": start.made_with,
        "cells": (),
        "metrics": {},
        "gates": (),
        "cost_usd": 0.0,
        "spent_usd": 0.0,
    }


@cache
def _version() -> str:
    try:
        return version("promptlab-pipelines")
    except PackageNotFoundError:
        return "unknown"
