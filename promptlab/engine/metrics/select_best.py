"""`select-best: RUBRIC`: a model says which output of a row is the best; each cell has its share of wins."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema

from promptlab.core.config import MODEL_PATTERN
from promptlab.engine.judged import built_in, own_prompt
from promptlab.engine.metric import Metric
from promptlab.engine.prompt import PromptFile
from promptlab.schemas.fields import Templated
from promptlab.schemas.template import Place, Template, TemplatedValue

KIND = "select-best"
SEEN = frozenset(("candidates", "value"))  # what its prompt sees beside the row


def _prompt(given: Any, info: ValidationInfo) -> PromptFile:
    return own_prompt(given, info) or built_in(KIND)


class SelectBest(Metric):
    """Has what the cells gave for a row compared by a rubric in words, in an order and its reverse.

    It gives the share of the rows that a cell won, and `name.disagreement`, the share in which the order
    decided. `judge` and `prompt` are those of checks that a model judges.
    """

    key: ClassVar[str] = KIND
    rubric: Templated = Field(alias=KIND)
    judge_model: str | None = Field(default=None, alias="judge", pattern=MODEL_PATTERN)
    prompt: Annotated[Any, PlainValidator(_prompt), WithJsonSchema({"type": "string"})] = Field(
        default=None, validate_default=True
    )

    def templates(self) -> Iterator[tuple[Place, Template]]:
        if "prompt" in self.model_fields_set:
            yield ("prompt",), self.prompt.template
        rubric: TemplatedValue = self.rubric
        for place, template in rubric.holes:
            yield (KIND, *place), template

    def judges_named(self) -> Iterator[tuple[Place, str | None]]:
        yield ("judge",), self.judge_model

    def names_beside(self, place: Place) -> frozenset[str]:
        return SEEN if place == ("prompt",) else frozenset()
