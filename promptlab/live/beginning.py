"""The rows that say that a run has begun, and from which files."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from sqlalchemy import Connection, insert
from sqlalchemy.orm import Session

from promptlab.core.prepared import insert_if_new
from promptlab.models import Run, RunFile, Snapshot
from promptlab.schemas.log import RunStart, SourceFile
from promptlab.services.reopening import this_process

_NEW_RUN = insert(Run.__table__)
_NEW_SNAPSHOT = insert_if_new(Snapshot.__table__)
_NEW_FILE = insert_if_new(RunFile.__table__)


def write_beginning(session: Session, run_id: str, start: RunStart, begun: datetime) -> None:
    """Write a run without trials that had begun by then."""
    connection = session.connection()
    connection.execute(_NEW_RUN, {"id": run_id, "started_at": begun, **_facts(start)})
    _write_files(connection, run_id, start.files)


def write_file(connection: Connection, run_id: str, file: SourceFile) -> None:
    """Write a file of a run, unless the run has one of this path already."""
    _write_files(connection, run_id, (file,))


def _write_files(connection: Connection, run_id: str, files: Sequence[SourceFile]) -> None:
    if not files:
        return
    digests = [sha256(file.content).hexdigest() for file in files]
    found = list(zip(files, digests, strict=True))
    connection.execute(_NEW_SNAPSHOT, [{"digest": digest, "content": file.content} for file, digest in found])
    connection.execute(
        _NEW_FILE,
        [
            {"run_id": run_id, "path": file.path, "kind": file.kind, "digest": digest}
            for file, digest in found
        ],
    )


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
