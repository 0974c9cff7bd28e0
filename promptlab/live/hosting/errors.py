"""What the process of a run refused, raised in the server as if it had been found here."""

from collections.abc import Sequence
from typing import Any

from promptlab.core import errors
from promptlab.core.errors import CannotGoOn, PromptlabError, UsageError
from promptlab.live.hosting.order import Frame

DIED = "the process of the run ended before the run began"


class NotInOrder(UsageError):
    """The pipeline has problems: `faults` says where and how."""

    def __init__(self, message: str, faults: Sequence[dict[str, Any]]) -> None:
        super().__init__(message)
        self.faults = faults


def error_of(frame: Frame) -> PromptlabError:
    if frame["problems"]:
        return NotInOrder(frame["message"], frame["problems"])
    kind = getattr(errors, frame["error"], CannotGoOn)
    error: PromptlabError = kind(frame["message"], hint=frame["hint"])
    return error


def died() -> PromptlabError:
    return CannotGoOn(DIED, hint="the server's terminal may say why")
