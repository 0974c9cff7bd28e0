"""`expression`: a Jinja expression that says whether the output is right, or how right."""

from collections.abc import Iterator
from typing import ClassVar

from promptlab.engine.check import Check, Finding, Subject
from promptlab.engine.checks.scoring import finding_of
from promptlab.schemas.fields import Expression
from promptlab.schemas.template import Place, Template


class ExpressionCheck(Check):
    """A Jinja expression over what checks see is true.

    It gives true, false or a number from 0 to 1, which passes above 0, or from `threshold` up; anything else
    is an error, lest a text count as true.
    """

    threshold_is_score: ClassVar[bool] = False
    runs_code: ClassVar[bool] = True
    value: Expression

    async def judge(self, subject: Subject) -> Finding:
        given = await subject.render(self.value)
        return finding_of(given, threshold=self.threshold, what="the expression")

    def templates(self) -> Iterator[tuple[Place, Template]]:
        yield from super().templates()
        yield ("value",), self.value
