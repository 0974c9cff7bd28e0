"""What routes ask for, of the API and of the page: the settings, the project, its log, a session on it."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from promptlab.core.serving import ServerSettings
from promptlab.live.serving.opened import Opened
from promptlab.loader.project import Project
from promptlab.services.run_log import RunLog


def get_opened(request: Request) -> Opened:
    """Give what the server has open; the application's lifespan put it there."""
    opened: Opened = request.app.state.opened
    return opened


type OpenedDep = Annotated[Opened, Depends(get_opened)]


def get_settings(opened: OpenedDep) -> ServerSettings:
    return opened.settings


def get_project(opened: OpenedDep) -> Project:
    return opened.project


def get_log(opened: OpenedDep) -> RunLog:
    return opened.log


def get_db(log: Annotated[RunLog, Depends(get_log)]) -> Iterator[Session]:
    """Give a session that reads; it is never passed into a run."""
    with log.reading() as session:
        yield session


type SettingsDep = Annotated[ServerSettings, Depends(get_settings)]
type ProjectDep = Annotated[Project, Depends(get_project)]
type LogDep = Annotated[RunLog, Depends(get_log)]
type SessionDep = Annotated[Session, Depends(get_db)]
