"""How commands come to the project, its log, and a run in it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from promptlab.core.display import shortened
from promptlab.core.errors import UsageError
from promptlab.core.frozen import frozen
from promptlab.loader.project import Project, open_project
from promptlab.loader.schema_file import keep_schema_file

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from promptlab.schemas.log import RunRecord
    from promptlab.services.run_log import RunLog
    from promptlab.services.runs import RunService


@frozen
class Stored:
    """The log of a project, with a session on it."""

    log: "RunLog"
    session: "Session"
    runs: "RunService"
    project: Project


def project_at(root: str | None, start: str | None = None) -> Project:
    """Open the project that --project says, else that of the file `start`, else that of here.

    Keeps the project's JSON Schema for editors up to date.
    """
    require_folder()
    project = open_project(start if start is not None and is_path(start) else None, root=root)
    keep_schema_file(project.root)
    return project


def require_folder() -> None:
    """Raise UsageError where the current folder is gone."""
    try:
        os.getcwd()  # noqa: PTH109 - the question is whether it can be told
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise UsageError(
            f"the current folder is not there any more: {reason}", hint="cd to another"
        ) from None


def is_path(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"'{shortened(text)}': {reason.lower()}") from None


@contextmanager
def stored(project: Project) -> Iterator[Stored]:
    """Give the log of the project for reading; raises UsageError where there is none."""
    from promptlab.live.project_log import open_log  # noqa: PLC0415
    from promptlab.services.runs import RunService  # noqa: PLC0415

    with open_log(project, create=False) as log, log.reading() as session:
        yield Stored(log, session, RunService(session, is_running=log.is_running), project)


@contextmanager
def stored_run(root: str | None, reference: str) -> Iterator[tuple[Stored, "RunRecord"]]:
    """Give the run that `reference` names: an id, a unique start of one, or `last`."""
    with stored(project_at(root)) as found:
        yield found, found.runs.find(reference)


def refuse_read_by(found: Stored, record: "RunRecord", out: str | None) -> None:
    """Raise UsageError where `--out` names a file of the project that the run read."""
    from promptlab.cli.outfiles import refuse_files_read  # noqa: PLC0415

    if out is not None:
        refuse_files_read([[Path(out)]], (found.project.root / path for path in found.runs.paths(record.id)))
