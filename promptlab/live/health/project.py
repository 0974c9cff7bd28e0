"""The project: its run log, the embedded model, and the models that its pipelines ask."""

import os
from collections.abc import Iterator
from pathlib import Path
from sqlite3 import Error as SqliteError

from sqlalchemy import text

from promptlab.core.database import sqlite_path
from promptlab.core.errors import PromptlabError
from promptlab.engine.providers.embedded import MODELS
from promptlab.engine.providers.overview import problem_of
from promptlab.engine.target import Target
from promptlab.live.health.finding import Finding
from promptlab.live.project_log import log_location, open_log
from promptlab.loader.memory import LoadingMemory
from promptlab.loader.project import Project
from promptlab.loader.validating import Validation


def run_log(project: Project) -> Finding:
    """Check an existing log and whether it can be written; makes none."""
    try:
        path = sqlite_path(log_location(project)).absolute()
        if not path.exists():
            return _future_log(path)
        with open_log(project, create=False) as log, log.writing() as session:
            fault = session.execute(text("PRAGMA quick_check(1)")).scalar()
            session.rollback()
    except (PromptlabError, SqliteError) as error:
        return Finding("run log", "bad", str(error), getattr(error, "hint", None) or "")
    if fault != "ok":
        return Finding("run log", "bad", f"{path} is damaged: {fault}", "put a backup in its place")
    return Finding("run log", "ok", f"{path} is healthy and can be written")


def _future_log(path: Path) -> Finding:
    """Check the folder in which the first run will make the log."""
    folder = next(above for above in path.parents if above.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        detail = f"there is none yet, and {folder} is no folder that can be written"
        return Finding("run log", "bad", detail, "make it writable, or name a log by PROMPTLAB_DATABASE_URL")
    return Finding("run log", "ok", f"there is none yet; the first run makes {path}")


def embedded_model(project: Project) -> Finding:
    name = next(iter(MODELS))
    try:
        problem = problem_of(project.targets().provider("local"), name)
    except PromptlabError as error:
        problem = str(error)
    if problem is None:
        return Finding("embedded model", "ok", f"local/{name} is ready")
    return Finding("embedded model", "warn", problem.partition("; ")[0], problem.partition("; ")[2])


def pipelines(project: Project) -> Iterator[Finding]:
    """Load each pipeline, and say for each model that they ask whether it can be asked."""
    asked: dict[str, Target] = {}
    with LoadingMemory() as memory:
        every = list(Validation(project, memory).pipelines())
    for checked in every:
        if checked.problems.errors:
            yield Finding(checked.path, "warn", "has problems", f"promptlab validate {checked.path}")
        cells = checked.loaded.cells if checked.loaded is not None else ()
        steps = (step.target for cell in cells for step in cell.all_steps() if step.target is not None)
        asked.update({target.profile.name: target for step in steps for target in step.line})
    for name, target in asked.items():
        yield Finding(name, "ok" if target.problem is None else "warn", target.problem or "can be asked")
