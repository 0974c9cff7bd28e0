"""`promptlab render`."""

import asyncio
import os
from collections.abc import Iterator, Sequence
from typing import Any

import click

from promptlab.cli.commands import Command
from promptlab.cli.completing import complete_pipelines
from promptlab.cli.opening import project_at
from promptlab.cli.spoken import spoken
from promptlab.cli.types import PairType
from promptlab.core.display import escaped, shown
from promptlab.core.errors import UsageError
from promptlab.core.json import JSON, as_text, plain
from promptlab.engine.plan import Trial
from promptlab.live.preview import StepPreview, preview, trial_to_preview
from promptlab.loader.changes import Changes
from promptlab.loader.loading import LoadedPipeline, load_pipeline


@click.command(cls=Command, epilog="Example: promptlab render support_triage --row 3 --variant few-shot")
@click.argument("pipeline", shell_complete=complete_pipelines)
@click.option("--row", type=click.IntRange(0), help="Which row, from 0; default: the first that is run.")
@click.option(
    "--step", metavar="ID", help="Only this step; one inside another by its path, as parts[0].sort."
)
@click.option(
    "--variant", metavar="V", help="This variant, or this cell by its whole name; default: the first."
)
@click.option("--model", metavar="PROVIDER/MODEL", help="The model of every step.")
@click.option(
    "-i", "inputs", type=PairType(), multiple=True, help="An input of one row; the dataset is not read."
)
@click.option(
    "--set", "sets", type=PairType(), multiple=True, help="Set a key of the pipeline, as params.seed=1."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def command(root: str | None, /, pipeline: str, row: int | None, step: str | None, **options: Any) -> int:
    """Print the messages that would be sent for one row.

    What a later step needs of an earlier one comes from recorded answers; nothing is sent.
    """
    project = project_at(root, pipeline)
    targets = project.targets(options["model"])
    loaded = load_pipeline(project.files, project.pipeline(pipeline), targets, _changes(options))
    trial = trial_to_preview(loaded, row)
    steps = asyncio.run(preview(project, loaded, trial, only=step))
    if options["as_json"]:
        click.echo(plain(_as_json(loaded, trial, steps)))
    else:
        _print(steps)
    return _explain(steps, loaded)


def _changes(options: dict[str, Any]) -> Changes:
    inputs = dict(options["inputs"])
    if len(inputs) < len(options["inputs"]):
        raise UsageError("-i gives the same input twice")
    variants = () if options["variant"] is None else (options["variant"],)
    return Changes(sets=options["sets"], variants=variants, inputs=inputs or None, is_judged=False)


def _as_json(loaded: LoadedPipeline, trial: Trial, steps: Sequence[StepPreview]) -> dict[str, JSON]:
    return {
        "pipeline": loaded.name,
        "row": trial.key.row,
        "row_id": trial.key.row_id,
        "variant": trial.key.variant,
        "axes": dict(trial.key.axes),
        "steps": [step.as_json() for step in steps],
    }


def _print(steps: Sequence[StepPreview]) -> None:
    color = False if os.environ.get("NO_COLOR") else None
    rendered = [step for step in steps if step.messages]
    click.echo("\n\n".join("\n".join(_lines(step)) for step in rendered), color=color, nl=bool(rendered))


def _lines(step: StepPreview) -> Iterator[str]:
    params = "".join(f" {name}={as_text(value)}" for name, value in step.params.items())
    yield click.style(escaped(f"# {step.step} ({step.model}{params})"), bold=True)
    for message in step.messages:
        yield click.style(f"\n[{message['role']}]", fg="cyan")
        yield from (escaped(line) for line in spoken(message).split("\n"))


def _explain(steps: Sequence[StepPreview], loaded: LoadedPipeline) -> int:
    """Say on stderr why steps have no messages; give the exit code."""
    for step in steps:
        if step.status == "missing":
            _explain_missing(step, loaded)
        elif step.tools:
            click.echo(f"step '{step.step}' goes on with what {_unrecorded(step)}", err=True)
        elif step.status == "errored":
            click.echo(f"error: step '{step.step}': {escaped(step.error or '')}", err=True)
        elif step.status != "rendered":
            reason = "is skipped" if step.status == "skipped" else "sends no messages"
            click.echo(f"step '{step.step}' {reason}", err=True)
    failed = any(step.status in ("missing", "errored") for step in steps)
    return UsageError.exit_code if failed else 0


def _explain_missing(step: StepPreview, loaded: LoadedPipeline) -> None:
    names = ", ".join(f"'{name}'" for name in step.missing)
    click.echo(f"error: step '{step.step}' needs the answer of {names}, which is not recorded", err=True)
    if not step.tools:
        click.echo(f"  promptlab run {loaded.path} asks for it", err=True)
        return
    click.echo(f"  it hangs on what {_unrecorded(step)}", err=True)
    click.echo(
        f"  promptlab run {loaded.path} runs it again; promptlab runs show last has what it said", err=True
    )


def _unrecorded(step: StepPreview) -> str:
    tools = ", ".join(shown(tool) for tools in step.tools.values() for tool in tools)
    return f"the tool {tools} gives, which is not recorded: nothing is kept of one that raised"
