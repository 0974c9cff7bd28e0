"""The type of a JSON value."""

__all__ = ["JSON"]

type JSON = dict[str, JSON] | list[JSON] | str | int | float | bool | None
