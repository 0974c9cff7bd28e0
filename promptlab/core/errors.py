"""Expected errors, each with the exit code that a command ends with.

PromptlabError
├── UsageError          2    a flag, file or key is wrong or missing; nothing was called
│   └── NotFound        2    what was named is not there
├── CannotGoOn          3    storage, our own bug, a provider that refuses the key or answers nobody
│   └── StorageError    3    the run log cannot be read or written
├── LimitReached        4    a limit of the run stopped it
├── NothingToRun        5    no row is left to run
└── Interrupted         130  Ctrl-C
    └── Terminated      143  SIGTERM
"""

from typing import ClassVar


class PromptlabError(Exception):
    """An error that a user can act on; its text says where, what, and what to do."""

    exit_code: ClassVar[int] = 3

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(PromptlabError):
    exit_code = 2


class NotFound(UsageError):
    """What was named is not there: a run, a trial, a pipeline."""


class CannotGoOn(PromptlabError):
    exit_code = 3


class StorageError(CannotGoOn):
    """The run log cannot be read or written; the message names its path."""


class LimitReached(PromptlabError):
    exit_code = 4


class NothingToRun(PromptlabError):
    exit_code = 5


class Interrupted(PromptlabError):
    exit_code = 130


class Terminated(Interrupted):
    exit_code = 143
