"""What a look at one thing found."""

from typing import Literal

from promptlab.core.frozen import frozen


@frozen
class Finding:
    """`bad` keeps promptlab from working, `warn` keeps some of it; `advice` says what to do about it."""

    name: str
    status: Literal["ok", "warn", "bad"]
    detail: str
    advice: str = ""
