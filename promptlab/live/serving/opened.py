"""What a server has open while it lives."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field
from functools import partial
from threading import Semaphore

from promptlab.core.frozen import frozen
from promptlab.core.serving import ServerSettings
from promptlab.live.project_log import open_log
from promptlab.live.serving.remembered import Remembered
from promptlab.loader.known_pipelines import KnownPipelines
from promptlab.loader.project import Project, open_project
from promptlab.services.run_log import RunLog

LOADINGS_AT_ONCE = 8  # of the threads that answer, so that others are left


@frozen
class Opened:
    """`loadings`: room for requests that load pipelines.

    `remembered`, `pipelines`: what these need not find out twice.
    """

    settings: ServerSettings
    project: Project
    log: RunLog
    loadings: Semaphore = field(default_factory=partial(Semaphore, LOADINGS_AT_ONCE))
    remembered: Remembered = field(default_factory=Remembered)
    pipelines: KnownPipelines = field(default_factory=KnownPipelines)


@contextmanager
def opened(settings: ServerSettings) -> Iterator[Opened]:
    """Open the project and its run log; raises UsageError and StorageError."""
    project = open_project(root=settings.root)
    with open_log(project) as log:
        yield Opened(settings, project, log)
