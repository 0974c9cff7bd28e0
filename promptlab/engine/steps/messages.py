"""Messages written in the pipeline itself, each content a template."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from promptlab.engine.completion_step import CompletionStep
from promptlab.engine.conversation import Message
from promptlab.engine.scope import RenderFailed
from promptlab.engine.step import Part
from promptlab.engine.step_context import StepContext
from promptlab.schemas.base import Frozen, SomeItems
from promptlab.schemas.fields import TextTemplate


class InlineMessage(Frozen):
    role: Literal["system", "user", "assistant"]
    content: TextTemplate


class MessagesStep(CompletionStep):
    key: ClassVar[str] = "messages"

    messages: SomeItems[InlineMessage]

    def own_parts(self) -> Iterator[Part]:
        for index, message in enumerate(self.messages):
            yield Part(("messages", index, "content"), message.content)

    async def conversation(self, context: StepContext) -> tuple[Message, ...]:
        said = [await context.render_message(one.role, one.content) for one in self.messages]
        found = tuple(message for message in said if message.content)
        if not found:
            raise RenderFailed("the messages are empty: they would send no text")
        return found
