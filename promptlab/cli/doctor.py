"""`promptlab doctor`."""

import asyncio
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from promptlab.cli.commands import Command
from promptlab.cli.opening import project_at
from promptlab.core.display import escaped
from promptlab.core.errors import PromptlabError
from promptlab.core.json import plain

if TYPE_CHECKING:
    from promptlab.live.health.finding import Finding

CANNOT_WORK = 3
MARKS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "bad": ("✗", "red")}


@click.command(cls=Command, epilog="Example: promptlab doctor")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def command(root: str | None, /, *, as_json: bool) -> int:
    """Look for what would keep promptlab from working here; exit 3 if something would."""
    findings = list(_findings(root))
    if as_json:
        click.echo(plain({"schema_version": 1, "findings": [asdict(finding) for finding in findings]}))
    else:
        _show(findings)
    return CANNOT_WORK if any(finding.status == "bad" for finding in findings) else 0


def _findings(root: str | None) -> Iterator["Finding"]:
    from promptlab.live.health import machine  # noqa: PLC0415
    from promptlab.live.health import project as own  # noqa: PLC0415
    from promptlab.live.health.finding import Finding  # noqa: PLC0415

    yield machine.python()
    yield machine.sqlite()
    yield machine.package()
    yield machine.network()
    yield asyncio.run(machine.templates())
    try:
        project = project_at(root)
    except PromptlabError as error:
        yield Finding("project", "bad", str(error), error.hint or "promptlab validate")
        return
    yield Finding("project", "ok", str(project.root))
    yield machine.disk(project.root)
    yield machine.git(project.root)
    yield own.run_log(project)
    yield own.embedded_model(project)
    yield from own.pipelines(project)


def _show(findings: list["Finding"]) -> None:
    from promptlab.cli.console import out_console  # noqa: PLC0415

    console = out_console()
    for finding in findings:
        mark, style = MARKS[finding.status]
        console.print(escaped(f"{mark} {finding.name}: {finding.detail}"), style=style, soft_wrap=True)
        if finding.advice:
            console.print(escaped(f"    {finding.advice}"), soft_wrap=True)
