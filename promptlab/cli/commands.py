"""What all commands share: groups are literal tables, imported on use; options are said once."""

from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem


class Command(click.Command):
    """A command that refuses an option given twice, unless it is made for that."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not ctx.resilient_parsing:
            self._refuse_twice(ctx, args)
        return super().parse_args(ctx, args)

    def _refuse_twice(self, ctx: click.Context, args: Sequence[str]) -> None:
        _, _, said = self.make_parser(ctx).parse_args(list(args))
        once = Counter(
            param for param in said if isinstance(param, click.Option) and not (param.multiple or param.count)
        )
        for option, times in once.items():
            if times > 1:
                raise click.UsageError(f"{option.opts[-1]} is given {times} times; give it once", ctx)


class ReaderLeft(Exception):
    """Whoever read our output has gone; click would end with 1 were it told by the system's own error."""


class Table(click.Group):
    """A group whose commands and their one-line helps are a table; `module` is formatted with a name."""

    def __init__(self, *args: Any, table: Mapping[str, str], module: str, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.table = table
        self.module = module

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in self.table:
            return None
        command: click.Command = import_module(self.module.format(cmd_name.replace("-", "_"))).command
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise ReaderLeft from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.table and not args[0].startswith("-") and not ctx.resilient_parsing:
            from promptlab.core.display import shortened  # noqa: PLC0415
            from promptlab.core.suggest import did_you_mean  # noqa: PLC0415

            name = shortened(args[0])
            raise click.UsageError(f"no such command '{name}'; {did_you_mean(name, self.table)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(self.table.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        items = [
            CompletionItem(name, help=text)
            for name, text in self.table.items()
            if name.startswith(incomplete)
        ]
        return [*items, *click.Command.shell_complete(self, ctx, incomplete)]
