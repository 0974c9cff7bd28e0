"""Why a value of a user's file is refused, as validators raise it."""

from collections.abc import Iterable


class Refusal(ValueError):
    """A message for the user, with a hint what to do; the loader gives it its place.

    `below`: the path from the value to what is wrong in it, with `key` the key there. `told`: it was reported
    at a better place.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        code: str = "value",
        below: Iterable[str | int] = (),
        key: bool = False,
        told: bool = False,
    ) -> None:
        super().__init__(message)
        self.hint = hint
        self.code = code
        self.below = tuple(below)
        self.key = key
        self.told = told
