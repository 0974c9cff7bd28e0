"""Parameter types of the command line."""

import math
from typing import Any

import click


class PairType(click.ParamType):
    """`name=value`; the value may hold further equals signs."""

    name = "NAME=VALUE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        name, equals, text = str(value).partition("=")
        if not name.strip() or not equals:
            self.fail(f"'{value}' is not NAME=VALUE", param, ctx)
        return name.strip(), text


class Positive(click.ParamType):
    """A number above 0 and at most `most`."""

    def __init__(self, kind: type[int] | type[float], most: float) -> None:
        self.kind = kind
        self.most = most
        self.name = "N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        noun = "whole number" if self.kind is int else "number"
        try:
            number = self.kind(str(value))
        except ValueError:
            number = 0
        if not (math.isfinite(number) and 0 < number <= self.most):
            upper = f" and at most {self.most:,.0f}" if math.isfinite(self.most) else ""
            self.fail(f"'{value}' is not a {noun} above 0{upper}", param, ctx)
        return number


def positive(kind: type[int] | type[float], most: float = math.inf) -> Positive:
    return Positive(kind, most)
