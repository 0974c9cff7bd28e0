"""The errors that promptlab expects: PromptlabError, and a subclass for each way to fail."""

from typing import ClassVar

__all__ = ["PromptlabError"]


class PromptlabError(Exception):
    """Something expected went wrong; the message says where, what, and what to do."""

    exit_code: ClassVar[int] = 3
