"""`promptlab validate`."""

from collections.abc import Iterator, Sequence
from typing import Literal

import click

from promptlab.core.errors import UsageError
from promptlab.core.words import plural
from promptlab.loader.problem_formats import as_github, as_json, as_sarif, as_text
from promptlab.loader.problems import InvalidPipeline, Problems
from promptlab.loader.project import SETTINGS, open_project
from promptlab.loader.schema_file import keep_schema_file
from promptlab.loader.validating import Validated, Validation

FORMATS = {"text": as_text, "json": as_json, "github": as_github, "sarif": as_sarif}
INVALID = UsageError.exit_code


@click.command(epilog="Example: promptlab validate pipelines/support_triage.yaml prompts/classify.j2")
@click.argument("paths", nargs=-1, metavar="[PATH…]")
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    default="text",
    show_default=True,
    help="How problems are printed.",
)
@click.pass_obj
def command(
    root: str | None, /, paths: tuple[str, ...], form: Literal["text", "json", "github", "sarif"]
) -> int:
    """Check all that can be checked without a call: pipelines with all they name (default: every one),
    templates, data files and settings.
    """
    validated = _validated(root, paths)
    problems = Problems()
    for one in validated:
        problems.extend(one.problems)
    _print(validated, problems, form)
    click.echo(f"{plural(len(validated), 'file')}, {plural(len(problems), 'problem')}", err=True)
    return INVALID if problems.errors else 0


def _validated(root: str | None, paths: Sequence[str]) -> list[Validated]:
    try:
        project = open_project(paths[0] if paths else None, root=root)
    except InvalidPipeline as error:
        return [Validated(SETTINGS, "settings", error.problems)]
    keep_schema_file(project.root)
    validation = Validation(project)
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
