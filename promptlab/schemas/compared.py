"""What is known of a trial or a check at one of two sides, before whole trials are read."""

from typing import Literal

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.schemas.run import TrialKey, TrialStatus

type TrialName = tuple[str, str, int]  # the row's id, cell and repeat
type CheckChangeKind = Literal["new", "changed", "gone"]


@frozen(kw_only=True)
class Ended:
    """How a trial ended. `outputs`: a hash of their JSON as the log has it, for this process alone.

    `id`: its number in the log, else among the trials of its side.
    """

    key: TrialKey
    status: TrialStatus
    outputs: int
    id: int = 0


@frozen
class CheckChange:
    """How a check at B differs from A. `check`: its step and name; `cells`: of B, in which it is so.

    `file`: what has changed is a file that the check names.
    """

    check: str
    change: CheckChangeKind
    cells: tuple[str, ...] = ()
    file: str | None = None

    def as_json(self) -> dict[str, JSON]:
        return {"check": self.check, "change": self.change, "cells": [*self.cells], "file": self.file}
