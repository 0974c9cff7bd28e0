"""What a server tells the process of a run; and what that tells back, a JSON object a line."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from promptlab.core.json import JSON

type Frame = Mapping[str, Any]

CANCEL = b"cancel\n"
TELLING_SECONDS = 0.1  # between two tellings of how far a run is


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A run to begin, or without a `pipeline` one to go on with.

    `said`: its options by the names of their flags; `how`: what a resume says anew; `allowed`: what it may
    spend from now on, in USD, if there is a ceiling.
    """

    root: str
    run_id: str
    pipeline: str | None = None
    said: Mapping[str, JSON] = field(default_factory=dict)
    how: Mapping[str, Any] = field(default_factory=dict)
    allowed: float | None = None
    made_with: Mapping[str, JSON] = field(default_factory=dict)

    def line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def of_line(cls, line: bytes) -> Self:
        return cls(**json.loads(line))
