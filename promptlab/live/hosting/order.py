"""What a server tells the process of a run; and what that tells back, a JSON object a line."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from promptlab.core.json import JSON
from promptlab.live.playground.tried import Tried

type Frame = Mapping[str, Any]

CANCEL = b"cancel\n"
TELLING_SECONDS = 0.1  # between two tellings of how far a run is


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A run to begin, or without a `pipeline` one to go on with.

    `said`: its options by the names of their flags; `how`: what a resume says anew; `allowed`: what it may
    spend from now on, in USD, if there is a ceiling. `tried`: an edited prompt that is tried on one row.
    """

    root: str
    run_id: str
    pipeline: str | None = None
    said: Mapping[str, JSON] = field(default_factory=dict)
    how: Mapping[str, Any] = field(default_factory=dict)
    allowed: float | None = None
    made_with: Mapping[str, JSON] = field(default_factory=dict)
    tried: Tried | None = None

    def line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def of_line(cls, line: bytes) -> Self:
        said = json.loads(line)
        return cls(**{**said, "tried": Tried(**said["tried"]) if said["tried"] is not None else None})
