"""Opens the project that a command is about."""

from collections.abc import Sequence
from pathlib import Path

from promptlab.loader.project import Project, open_project
from promptlab.loader.schema_file import keep_schema_file


def opened(root: str | None, named: Sequence[str] = ()) -> Project:
    """Open the project at `root`, else that of the first file that is named; keeps its schema up to date.

    Raises UsageError, and InvalidPipeline for what is wrong in promptlab.yaml.
    """
    first = named[0] if named else None
    project = open_project(first if first is not None and Path(first).exists() else None, root=root)
    keep_schema_file(project.root)
    return project
