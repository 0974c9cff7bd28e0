"""Parameter types of the command line."""

import math
from datetime import timedelta
from typing import Any, ClassVar

import click

MOST_DIGITS = 4


class PairType(click.ParamType[tuple[str, str]]):
    """`name=value`; the value may hold further equals signs."""

    name = "NAME=VALUE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        name, equals, text = str(value).partition("=")
        if not name.strip() or not equals:
            self.fail(f"'{value}' is not NAME=VALUE", param, ctx)
        return name.strip(), text


class Positive(click.ParamType[float]):
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


class Age(click.ParamType[timedelta]):
    """A length of time: 30d, 12h, 90m or 2w."""

    name = "AGE"
    units: ClassVar = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        number, unit = str(value)[:-1], str(value)[-1:]
        if unit not in self.units or not number.isdecimal() or len(number) > MOST_DIGITS:
            self.fail(f"'{value}' is no length of time, as 30d, 12h, 90m or 2w", param, ctx)
        return timedelta(**{self.units[unit]: int(number)})
