"""`promptlab models list`."""

from collections.abc import Sequence
from dataclasses import asdict

import click

from promptlab.cli.commands import Command
from promptlab.cli.opening import project_at
from promptlab.cli.tables import Grid, Styled, show_grid
from promptlab.core.json import plain
from promptlab.engine.providers.overview import ProviderFacts, provider_facts

HEADER = ("model", "address", "key", "prices", "state")


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

    rows = [_row(fact) for fact in facts]
    widths = {0: max(len(_model(fact)) for fact in facts), 2: max(len(_key(fact)) for fact in facts), 4: 6}
    show_grid(out_console(), Grid(header=HEADER, rows=rows, whole=widths))


def _row(fact: ProviderFacts) -> list[Styled | str]:
    return [_model(fact), _address(fact), _key(fact), fact.prices, _state(fact)]


def _model(fact: ProviderFacts) -> str:
    return f"{fact.name}/{fact.models[0] if len(fact.models) == 1 else '…'}"


def _address(fact: ProviderFacts) -> str:
    return "the vendor's" if fact.is_vendor else fact.address or "–"


def _key(fact: ProviderFacts) -> str:
    return fact.key_variable or "–"


def _state(fact: ProviderFacts) -> Styled:
    if fact.problem is None:
        return Styled("ready", "green")
    if fact.key_variable is not None and not fact.key_is_set:
        return Styled("no key", "yellow")
    return Styled(fact.problem, "yellow")
