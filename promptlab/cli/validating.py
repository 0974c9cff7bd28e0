"""Checks files and says what was found in them."""

from collections.abc import Iterator, Sequence
from typing import Literal

import click

from promptlab.cli.opening import require_folder
from promptlab.core.errors import UsageError
from promptlab.core.words import plural
from promptlab.engine.templating.blocking import BlockingRenderer
from promptlab.loader.memory import LoadingMemory
from promptlab.loader.problem_formats import as_github, as_json, as_sarif, as_text
from promptlab.loader.problems import InvalidPipeline, Problems
from promptlab.loader.project import SETTINGS, open_project
from promptlab.loader.schema_file import keep_schema_file
from promptlab.loader.validating import Validated, Validation

FORMATS = {"text": as_text, "json": as_json, "github": as_github, "sarif": as_sarif}
INVALID = UsageError.exit_code


def validate_files(
    root: str | None,
    paths: Sequence[str],
    form: Literal["text", "json", "github", "sarif"],
    renderer: BlockingRenderer,
) -> int:
    """Check the files that were named, or all pipelines; print what was found, and give the exit code."""
    with LoadingMemory(renderer) as memory:
        validated = _validated(root, paths, memory)
    problems = Problems()
    for one in validated:
        problems.extend(one.problems)
    _print(validated, problems, form)
    click.echo(f"{plural(len(validated), 'file')}, {plural(len(problems), 'problem')}", err=True)
    return INVALID if problems.errors else 0


def _validated(root: str | None, paths: Sequence[str], memory: LoadingMemory) -> list[Validated]:
    require_folder()
    try:
        project = open_project(paths[0] if paths else None, root=root)
    except InvalidPipeline as error:
        return [Validated(SETTINGS, "settings", error.problems)]
    keep_schema_file(project.root)
    validation = Validation(project, memory)
    if not paths:
        return list(validation.all_pipelines())
    return [validation.file(path) for path in dict.fromkeys(paths)]


def _print(validated: Sequence[Validated], problems: Problems, form: str) -> None:
    if form == "text":
        for line in _sound(validated):
            click.echo(line)
    if len(problems) or form in ("json", "sarif"):
        click.echo(FORMATS[form](problems))


def _sound(validated: Sequence[Validated]) -> Iterator[str]:
    for one in validated:
        if not len(one.problems):
            yield f"{one.file}: ok ({one.about})"
