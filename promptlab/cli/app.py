"""The table of commands; a command's module is imported when it is used."""

from importlib import import_module
from typing import Any

import click

COMMANDS = {
    "init": "Write a small project that runs at once.",
    "validate": "Check pipelines, templates, data and settings without a call.",
    "render": "Print the messages that would be sent.",
    "run": "Run pipelines.",
    "runs": "List, show, export, delete and prune runs.",
    "report": "Write a stored run as JSON, JSONL, CSV or Markdown.",
    "models": "List models, and fetch the embedded one.",
    "schema": "Print the JSON Schema of pipelines, for editors.",
    "config": "Print each setting and where it came from.",
    "db": "Show or upgrade the schema of the run log.",
    "doctor": "Look for what would keep promptlab from working here.",
    "completion": "Print the completion script of a shell.",
}


class Commands(click.Group):
    """A group that knows its commands' one-line helps without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"promptlab.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from promptlab.core.suggest import did_you_mean  # noqa: PLC0415

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(f"no such command '{args[0]}'; {did_you_mean(args[0], COMMANDS)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _version(ctx: click.Context, _param: click.Parameter, value: Any) -> None:
    if not value or ctx.resilient_parsing:
        return
    from importlib.metadata import version  # noqa: PLC0415

    click.echo(f"promptlab {version('promptlab-pipelines')}")
    ctx.exit()


@click.command(
    cls=Commands,
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
