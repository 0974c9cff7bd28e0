"""`promptlab models list`."""

from collections.abc import Sequence
from dataclasses import asdict

import click

from promptlab.cli.commands import Command
from promptlab.cli.opening import project_at
from promptlab.cli.tables import Grid, Styled, show_grid
from promptlab.core.json import plain
from promptlab.engine.providers.overview import ProviderFacts, provider_facts


@click.command(cls=Command, epilog="Example: promptlab models list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def command(root: str | None, /, *, as_json: bool) -> None:
    """List providers: where they are, whether their key is set, whether their prices are known."""
    facts = provider_facts(project_at(root).settings)
    if as_json:
        click.echo(plain({"schema_version": 1, "providers": [asdict(fact) for fact in facts]}))
    else:
        _show(facts)


def _show(facts: Sequence[ProviderFacts]) -> None:
    from promptlab.cli.console import out_console  # noqa: PLC0415

    header = ("model", "address", "key", "prices", "state")
    show_grid(out_console(), Grid(header=header, rows=[_row(fact) for fact in facts]))


def _row(fact: ProviderFacts) -> list[Styled | str]:
    model = fact.models[0] if len(fact.models) == 1 else "…"
    return [
        f"{fact.name}/{model}",
        fact.address or "–",
        fact.key_variable or "–",
        fact.prices,
        _state(fact),
    ]


def _state(fact: ProviderFacts) -> Styled:
    if fact.problem is None:
        return Styled("ready", "green")
    if fact.key_variable is not None and fact.address is not None and not fact.key_is_set:
        return Styled("key missing", "yellow")
    return Styled(fact.problem, "yellow")
