"""`promptlab check`."""

from pathlib import Path
from typing import Any

import click

from promptlab.cli.choosing import ON_UNKNOWN
from promptlab.cli.commands import Command
from promptlab.cli.completing import complete_runs
from promptlab.cli.types import positive
from promptlab.core.errors import UsageError


@click.command(
    cls=Command,
    epilog="Example: promptlab check --outputs answers.jsonl --checks checks.yaml --out result.jsonl",
)
@click.argument("run", required=False, metavar="[RUN]", shell_complete=complete_runs)
@click.option(
    "--outputs",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.jsonl",
    help="Judge these answers instead: a line each, with `output` and any columns.",
)
@click.option(
    "--checks", metavar="FILE.yaml", help="The checks for --outputs: a list, or a map with `checks`."
)
@click.option(
    "--out",
    "outs",
    multiple=True,
    metavar="FILE",
    help="Write what was found: .xml .md .html .json .jsonl .csv.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--max-cost", type=positive(float), metavar="USD", help="What judges may cost.")
@click.option("--max-concurrency", type=positive(int, most=1000), metavar="N", help="Calls at once a judge.")
@click.option("--fresh", is_flag=True, help="Recall no verdict of a judge that was recorded before.")
@ON_UNKNOWN
@click.option("--no-python", is_flag=True, help="Refuse to run the project's python.")
@click.option(
    "--fail-exit-code",
    type=click.IntRange(0, 255),
    default=1,
    show_default=True,
    help="The exit code where a gate or trial failed.",
)
@click.pass_obj
def command(root: str | None, /, run: str | None, **options: Any) -> int:
    """Judge what a stored run made by the checks as they are now, or answers from anywhere.

    No step is run: models are called where they judge, and functions where they check or measure. The log
    keeps what judges said; the run stays as it is.
    """
    from promptlab.cli.grading import How, check_outputs, check_run  # noqa: PLC0415
    from promptlab.cli.opening import project_at  # noqa: PLC0415

    outputs, checks = options.pop("outputs"), options.pop("checks")
    how = How(**options)
    if (run is None) == (outputs is None):
        raise UsageError("say either RUN or --outputs FILE", hint="promptlab check last")
    if run is not None:
        if checks is not None:
            hint = "edit the checks of its pipeline; --checks is for --outputs"
            raise UsageError("a stored run is judged by the checks of its pipeline", hint=hint)
        return check_run(project_at(root), run, how)
    return check_outputs(project_at(root, checks or str(outputs)), outputs, checks, how)
