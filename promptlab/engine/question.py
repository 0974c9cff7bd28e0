"""What a check asks a model that judges, and who asks it."""

from collections.abc import Mapping
from typing import Protocol

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.engine.completion import Completion
from promptlab.engine.conversation import Message


@frozen(kw_only=True)
class Question:
    """`judge`: the model, None for the one that judges by default; `vote`: which of several, from 0."""

    judge: str | None
    messages: tuple[Message, ...]
    schema: Mapping[str, JSON]
    vote: int = 0


class NotAsked(Exception):
    """A judge was not asked, because the run is ending; a later run asks it."""


class NoAnswer(Exception):
    """A judge was asked in vain; the message says why."""


class AskJudge(Protocol):
    async def __call__(self, question: Question) -> Completion:
        """Ask a judge. Raises NotAsked and NoAnswer."""
        ...


async def nobody(question: Question) -> Completion:
    raise NoAnswer(f"there is no model here to judge (asked for {question.judge or 'the default one'})")
