"""`promptlab run`."""

import json
from typing import Any

import click

from promptlab.cli.commands import Command
from promptlab.cli.completing import complete_pipelines, complete_runs
from promptlab.cli.types import PairType, positive
from promptlab.core.errors import UsageError

UNSAID: tuple[object, ...] = (None, False, (), "retry", 1)


@click.command(cls=Command, epilog="Example: promptlab run support_triage --limit 5 --variant few-shot")
@click.argument("pipelines", nargs=-1, required=True, metavar="PIPELINE…", shell_complete=complete_pipelines)
@click.option("-i", "inputs", type=PairType(), multiple=True, help="An input of one row; no data is read.")
@click.option("--model", metavar="PROVIDER/MODEL", help="The model of every step.")
@click.option(
    "--set", "sets", type=PairType(), multiple=True, help="Set a key of the pipeline: params.temperature=0."
)
@click.option(
    "--variant", "variants", multiple=True, metavar="V", help="Only this variant, or the cell of this name."
)
@click.option("--tag", "tags", multiple=True, metavar="T", help="Only rows or pipelines with this tag.")
@click.option("--limit", type=positive(int), metavar="N", help="Only the first N rows.")
@click.option(
    "--failed", metavar="RUN", shell_complete=complete_runs, help="Only what failed or errored in this run."
)
@click.option("--repeat", type=positive(int), metavar="N", help="Run each row N times in each cell.")
@click.option("--max-concurrency", type=positive(int, most=1000), metavar="N", help="Calls at once a model.")
@click.option("--max-cost", type=positive(float), metavar="USD", help="Stop before more than this is spent.")
@click.option("--fresh", is_flag=True, help="Recall nothing that was recorded before.")
@click.option(
    "--on-unknown",
    type=click.Choice(["retry", "fail"]),
    default="retry",
    show_default=True,
    help="What to do about a request that left and was never answered.",
)
@click.option("--no-python", is_flag=True, help="Refuse to run the project's python.")
@click.option("--stream", is_flag=True, help="Show each answer on stderr as it comes.")
@click.option("--fail-fast", is_flag=True, help="Start nothing more once a trial did not pass.")
@click.option(
    "--fail-exit-code",
    type=click.IntRange(0, 255),
    default=1,
    show_default=True,
    help="The exit code where a gate or trial failed.",
)
@click.option("--note", help="A note that is kept with the run.")
@click.option(
    "--out",
    "outs",
    multiple=True,
    metavar="FILE",
    help="Write a report: .json .jsonl .csv .md; {pipeline} in it becomes the pipeline's name.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a pipeline, one a line.")
@click.pass_obj
def command(root: str | None, /, pipelines: tuple[str, ...], **options: Any) -> int:
    """Run pipelines: every row, in every variant, with every check."""
    from promptlab.cli.opening import project_at  # noqa: PLC0415
    from promptlab.cli.running import Wanted, run_all  # noqa: PLC0415

    wanted = Wanted(
        references=pipelines,
        model=options["model"],
        changes=_changes(options),
        request=_request(options),
        outs=options["outs"],
        as_json=options["as_json"],
        fail_exit_code=options["fail_exit_code"],
    )
    return run_all(project_at(root, pipelines[0]), wanted)


def _changes(options: dict[str, Any]) -> Any:
    from promptlab.loader.changes import Changes  # noqa: PLC0415

    inputs = dict(options["inputs"])
    if len(inputs) < len(options["inputs"]):
        raise UsageError("-i gives the same input twice")
    return Changes(
        sets=options["sets"], variants=options["variants"], repeat=options["repeat"], inputs=inputs or None
    )


def _request(options: dict[str, Any]) -> Any:
    from promptlab.core.json import plain  # noqa: PLC0415
    from promptlab.live.running import RunRequest  # noqa: PLC0415

    said = {name: value for name, value in options.items() if value not in UNSAID}
    return RunRequest(
        limit=options["limit"],
        tags=options["tags"],
        failed=options["failed"],
        max_concurrency=options["max_concurrency"],
        max_cost=options["max_cost"],
        fresh=options["fresh"],
        on_unknown=options["on_unknown"],
        python_allowed=not options["no_python"],
        fail_fast=options["fail_fast"],
        streams=options["stream"],
        note=options["note"],
        said=json.loads(plain(said)),
    )
