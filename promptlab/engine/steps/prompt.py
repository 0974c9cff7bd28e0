"""A prompt: a template file, rendered to messages and sent."""

from collections.abc import Iterator
from typing import Annotated, ClassVar

from promptlab.engine.completion_step import CompletionStep
from promptlab.engine.conversation import Message
from promptlab.engine.prompt import FrontMatter, PromptFile
from promptlab.engine.step import Part
from promptlab.engine.step_context import StepContext
from promptlab.schemas.fields import PROMPT


class PromptStep(CompletionStep):
    key: ClassVar[str] = "prompt"

    prompt: Annotated[PromptFile, *PROMPT]

    @property
    def front(self) -> FrontMatter:
        return self.prompt.front

    def own_parts(self) -> Iterator[Part]:
        yield Part(("prompt",), self.prompt.template)

    async def conversation(self, context: StepContext) -> tuple[Message, ...]:
        return await context.render_messages(self.prompt.template)
