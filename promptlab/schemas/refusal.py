"""Why a value of a user's file is refused, as validators raise it."""


class Refusal(ValueError):
    """A message for the user, with a hint what to do; the loader gives it its place."""

    def __init__(self, message: str, *, hint: str | None = None, code: str = "value") -> None:
        super().__init__(message)
        self.hint = hint
        self.code = code
