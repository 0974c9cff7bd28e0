"""What a server that starts a run has to say of it."""

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field

from promptlab.core.json import JSON

OF_SERVER = "--max-cost of promptlab serve"
ENDINGS = {signal.SIGINT: "cancelled", signal.SIGTERM: "the server ended"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosted:
    """`allowed`: what the server lets the run spend from now on, in USD, if there is a ceiling.

    `run_id`: that of a new run; `made_with`: what the log keeps with it, besides what all runs keep.
    """

    run_id: str | None = None
    allowed: float | None = None
    made_with: Mapping[str, JSON] = field(default_factory=dict)
