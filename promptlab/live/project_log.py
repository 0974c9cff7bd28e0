"""Where the run log of a project is, and opening it."""

from pathlib import Path

from promptlab.core.database import default_path
from promptlab.loader.project import Project
from promptlab.services.run_log import RunLog, look_into_run_log, open_run_log
from promptlab.services.store import store_at


def log_location(project: Project) -> str | Path:
    """Give where the settings of a project say that its run log lies."""
    return project.settings.database_url or default_path(project.root)


def has_log(project: Project) -> bool:
    return store_at(log_location(project)).exists()


def open_log(project: Project, *, create: bool = True, upgrade: bool = False) -> RunLog:
    """Open the run log of a project, where its settings say."""
    return open_run_log(log_location(project), create=create, upgrade=upgrade)


def look_into_log(project: Project) -> RunLog:
    """Open the run log of a project for reading alone; where there is none, an empty one."""
    return look_into_run_log(log_location(project))
