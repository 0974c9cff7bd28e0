"""What the API's routes ask for; shared with the page's."""

from promptlab.live.serving.depends import (
    LogDep,
    ProjectDep,
    SessionDep,
    SettingsDep,
    get_db,
    get_log,
    get_project,
    get_settings,
)

__all__ = [
    "LogDep",
    "ProjectDep",
    "SessionDep",
    "SettingsDep",
    "get_db",
    "get_log",
    "get_project",
    "get_settings",
]
