"""`promptlab recordings update`."""

from dataclasses import replace
from typing import Any

import click

from promptlab.cli.choosing import ON_UNKNOWN, changes, choosing_records, chosen, said
from promptlab.cli.commands import Command

NARROWING = ("variants", "tags", "where", "limit", "failed", "since")


@click.command(cls=Command, epilog="Example: promptlab recordings update support_triage --max-cost 0.50")
@choosing_records
@ON_UNKNOWN
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a pipeline.")
@click.pass_obj
def command(root: str | None, /, pipelines: tuple[str, ...], **options: Any) -> int:
    """Run pipelines (default: all) and write every answer that they use into recordings/.

    What the run log or a recording answers is not called again; --fresh asks anew. What is written, changed
    and unchanged is said, and then what is still missing or stale. The exit code is 0 once nothing is
    missing, whatever checks and gates say of the answers.
    """
    from promptlab.cli.opening import project_at  # noqa: PLC0415
    from promptlab.cli.recording_update import update  # noqa: PLC0415

    unsaid = {"inputs": (), "sets": (), "model": None, "repeat": None, "no_python": False}
    given = {**options, **unsaid, "mode": "record"}
    request = replace(chosen(given), said={**said(options, leaving_out=("as_json",)), "mode": "record"})
    return update(
        project_at(root, pipelines[0] if pipelines else None),
        pipelines,
        changes(given),
        request,
        is_whole=not any(options[name] for name in NARROWING),
        as_json=options["as_json"],
    )
