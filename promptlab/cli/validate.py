"""`promptlab validate`."""

from typing import Literal

import click

from promptlab.cli.commands import Command

FORMATS = ("text", "json", "github", "sarif")


@click.command(
    cls=Command, epilog="Example: promptlab validate pipelines/support_triage.yaml prompts/classify.j2"
)
@click.argument("paths", nargs=-1, metavar="[PATH…]")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
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
    from promptlab.engine.templating.blocking import BlockingRenderer  # noqa: PLC0415

    with BlockingRenderer() as renderer:
        renderer.start()
        from promptlab.cli.validating import validate_files  # noqa: PLC0415 - as the renderer starts

        return validate_files(root, paths, form, renderer)
