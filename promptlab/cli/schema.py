"""`promptlab schema`."""

import json

import click

from promptlab.loader.json_schema import pipeline_schema


@click.command(epilog="Example: promptlab schema > pipeline.schema.json")
def command() -> None:
    """Print the JSON Schema of pipelines; editors find it in .promptlab/pipeline.schema.json."""
    click.echo(json.dumps(pipeline_schema(), indent=2, ensure_ascii=False))
