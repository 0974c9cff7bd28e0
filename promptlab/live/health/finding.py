"""What a look at one thing found."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """`bad` keeps promptlab from working, `warn` keeps some of it; `advice` says what to do about it."""

    name: str
    status: Literal["ok", "warn", "bad"]
    detail: str
    advice: str = ""
