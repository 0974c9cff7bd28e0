"""The table of commands; a command's module is imported when it is used."""

from typing import Any

import click

from promptlab.cli.commands import Table

COMMANDS = {
    "init": "Write a small project that runs at once.",
    "validate": "Check pipelines, templates, data and settings without a call.",
    "render": "Print the messages that would be sent.",
    "plan": "Say what a run would call, recall and cost.",
    "run": "Run pipelines.",
    "test": "Run pipelines from their recordings, as CI does, and say what fails.",
    "resume": "Finish a run that did not come to its end.",
    "watch": "Run again what a saved file changes.",
    "check": "Judge a stored run, or answers from anywhere, again.",
    "judge-report": "Say how far a judge of a run agrees with people.",
    "compare": "Compare two runs, or two variants of one.",
    "baseline": "Write and show what gates `against: baseline` are held against.",
    "affected": "Say which pipelines, steps and rows a git change touches.",
    "recordings": "Record the answers that replays need as files; check and prune those.",
    "runs": "List, show, export, delete and prune runs.",
    "report": "Write a stored run as JSON, JSONL, CSV or Markdown.",
    "serve": "Serve the HTTP API and the web page on this machine.",
    "models": "List models, and fetch the embedded one.",
    "schema": "Print the JSON Schema of pipelines, for editors.",
    "config": "Print each setting and where it came from.",
    "db": "Show or upgrade the schema of the run log.",
    "doctor": "Look for what would keep promptlab from working here.",
    "completion": "Print the completion script of a shell.",
}


def _version(ctx: click.Context, _param: click.Parameter, value: Any) -> None:
    if not value or ctx.resilient_parsing:
        return
    from promptlab.core.version import own_version  # noqa: PLC0415

    click.echo(f"promptlab {own_version()}")
    ctx.exit()


@click.command(
    cls=Table,
    table=COMMANDS,
    module="promptlab.cli.{}",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Example: promptlab run pipelines/support_triage.yaml --limit 5",
)
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Print the version."
)
@click.option(
    "--project", metavar="DIR", help="The project's root; default: found by promptlab.yaml or .git."
)
@click.pass_context
def app(ctx: click.Context, project: str | None) -> None:
    """LLM Prompt Lab: prompts are code; run, check, log and compare them."""
    ctx.obj = project
