"""Steps that ask a model: its options, its fallbacks, its tools."""

from abc import ABC, abstractmethod
from typing import Annotated, ClassVar, Self

from pydantic import Field, field_validator, model_validator

from promptlab.core.words import plural
from promptlab.engine.completion import Completion
from promptlab.engine.conversation import Message
from promptlab.engine.prompt import FrontMatter
from promptlab.engine.step import Step
from promptlab.engine.step_context import Produced, StepContext, StepFailed
from promptlab.engine.tool import ProjectTool
from promptlab.schemas.base import Items
from promptlab.schemas.fields import TOOL
from promptlab.schemas.pipeline import TEXT_OUTPUT, OutputSpec, Params
from promptlab.schemas.refusal import Refusal


class CompletionStep(Step, ABC):
    """A step that asks a model."""

    asks_model: ClassVar[bool] = True
    gives_text: ClassVar[bool] = True

    model: str | None = None
    params: Params = Params()
    tools: Items[Annotated[ProjectTool, *TOOL]] = ()
    max_turns: int = Field(default=10, ge=1, le=100)
    fallback: Items[str] = ()

    @field_validator("tools")
    @classmethod
    def _names_differ(cls, tools: tuple[ProjectTool, ...]) -> tuple[ProjectTool, ...]:
        names = [tool.name for tool in tools]
        for index, name in enumerate(names):
            if name in names[:index]:
                hint = "a model tells tools apart by name: rename one of the functions"
                raise Refusal(f"there are two tools called '{name}'", hint=hint, below=(index,))
        return tools

    @field_validator("fallback")
    @classmethod
    def _names_each_once(cls, fallback: tuple[str, ...]) -> tuple[str, ...]:
        for index, model in enumerate(fallback):
            if model in fallback[:index]:
                raise Refusal(f"{model} is named twice", below=(index,))
        return fallback

    @model_validator(mode="after")
    def _turns_have_tools(self) -> Self:
        if {"max_turns", "tools"} & self.model_fields_set == {"max_turns"}:
            hint = "say `tools`, be it `tools: []` in a variant without any, or take it out"
            message = f"step '{self.id}' has `max_turns`, but no `tools` whose turns it could count"
            raise Refusal(message, hint=hint, below=("max_turns",), key=True)
        return self

    @property
    def front(self) -> FrontMatter | None:
        """What the prompt's own file says, where there is one."""
        return None

    @property
    def parsed_as(self) -> OutputSpec | None:
        front = self.front.output if self.front is not None else None
        return self.output or front or TEXT_OUTPUT

    @property
    def worst_calls(self) -> int:
        """As many turns as its tools take, over again each time that it may say an output was invalid."""
        spec = self.parsed_as
        may_be_invalid = spec is not None and spec.kind != "text" and "invalid_output" in self.retry.on
        return (self.retry.max_attempts if may_be_invalid else 1) * (self.max_turns if self.tools else 1)

    @abstractmethod
    async def conversation(self, context: StepContext) -> tuple[Message, ...]:
        """Render the messages to send."""

    async def run(self, context: StepContext) -> Produced | StepFailed:
        from promptlab.engine.tool_loop import converse  # noqa: PLC0415 - asyncio is slow

        asked = await self.conversation(context)
        messages = (*asked, *context.complaint)
        earlier = len(context.complaint)
        talk = await converse(context, messages, self.tools, turns=self.max_turns, earlier=earlier)
        said = len(talk.messages) - len(asked)
        if isinstance(talk.end, Completion):
            return Produced(text=talk.end.text, messages=talk.messages, said=said)
        if talk.end is not None:
            return StepFailed.of(talk.end, talk.messages, said=said)
        message = (
            f"the model still called tools after {plural(self.max_turns, 'turn')}; `max_turns` says how many"
        )
        return StepFailed(kind="max_turns", message=message, messages=talk.messages, said=said)
