"""The tables of the run log."""

from promptlab.models.base import REVISION, Base
from promptlab.models.completion import Attempt, Completion
from promptlab.models.rating import Rating
from promptlab.models.run import Run, RunFile, Snapshot
from promptlab.models.trial import Row, StepRun, Trial, Verdict

__all__ = [
    "REVISION",
    "Attempt",
    "Base",
    "Completion",
    "Rating",
    "Row",
    "Run",
    "RunFile",
    "Snapshot",
    "StepRun",
    "Trial",
    "Verdict",
]
