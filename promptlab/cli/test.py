"""`promptlab test`."""

from dataclasses import replace
from typing import Any, Literal

import click

from promptlab.cli.choosing import ON_UNKNOWN, changes, choosing_any, chosen, said
from promptlab.cli.commands import Command
from promptlab.cli.completing import complete_refs
from promptlab.cli.showing import showing

NOT_OF_RUNS = ("live", "against", "strict")


@click.command(
    cls=Command,
    epilog="Example: promptlab test --since main --against main --out results/{pipeline}.md",
)
@choosing_any
@ON_UNKNOWN
@click.option("--live", is_flag=True, help="Call models for what is neither in the log nor recorded.")
@click.option(
    "--against",
    metavar="REF",
    shell_complete=complete_refs,
    help="Hold the pass rate, and what gates say, against the trials of that commit.",
)
@click.option("--strict", is_flag=True, help="A gate that cannot tell fails.")
@click.option("--note", help="A note that is kept with the run.")
@showing
@click.pass_obj
def command(root: str | None, /, pipelines: tuple[str, ...], **options: Any) -> int:
    """Run pipelines, or all of them, from their recordings, and say what fails.

    Nothing is called and no key is needed, unless --live says so. What passes is a line.
    """
    from promptlab.cli.opening import project_at  # noqa: PLC0415
    from promptlab.cli.running import Wanted  # noqa: PLC0415
    from promptlab.cli.testing import Strictness, test_all  # noqa: PLC0415

    wanted = Wanted(
        references=pipelines,
        model=options["model"],
        changes=changes(options),
        request=_request(options),
        outs=options["outs"],
        as_json=options["as_json"],
        fail_exit_code=options["fail_exit_code"],
    )
    strictness = Strictness(options["against"], strict=options["strict"])
    return test_all(project_at(root, pipelines[0] if pipelines else None), wanted, strictness)


def _request(options: dict[str, Any]) -> Any:
    mode: Literal["live", "replay"] = "live" if options["live"] else "replay"
    return replace(
        chosen(options),
        mode=mode,
        streams=options["stream"],
        fail_fast=options["fail_fast"],
        note=options["note"],
        said={**said(options, leaving_out=NOT_OF_RUNS), "mode": mode},
    )
