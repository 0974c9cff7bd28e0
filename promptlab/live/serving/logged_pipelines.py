"""The name under which the log has the runs of a pipeline that an address names."""

from pathlib import PurePosixPath

from promptlab.core.errors import NotFound
from promptlab.loader.project import YAML, Project
from promptlab.services.metric_history import MetricHistory


def logged_pipeline(name: str, history: MetricHistory, project: Project) -> str:
    """Give it, also of a pipeline that is gone; raises NotFound where none is or was called so."""
    if history.knows(name):
        return name
    if "/" in name or PurePosixPath(name).suffix in YAML:
        raise NotFound(
            f"there is no pipeline '{name}'", hint="a name is wanted, as `/api/pipelines` lists them"
        )
    path = project.pipeline(name)
    return project.names().get(path) or PurePosixPath(path).stem
