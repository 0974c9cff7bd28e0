"""Which of several outputs is the best, whatever the order in which a judge sees them."""

import asyncio
from collections.abc import Mapping, Sequence

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON, as_text, digest
from promptlab.engine.attachments import NO_ATTACHMENTS, messages_of
from promptlab.engine.check import CannotJudge
from promptlab.engine.conversation import Message
from promptlab.engine.judged import MARK, verdict_in, verdict_of
from promptlab.engine.metrics.select_best import SelectBest
from promptlab.engine.question import AskJudge, NoAnswer, Question
from promptlab.engine.scope import Names, Render, RenderFailed, filled

VERDICT = verdict_of({"best": {"type": "integer"}})


@frozen
class Choice:
    """`shares`: of the win, by cell; they add up to 1. Those whose outputs are alike share.

    `disagreed`: the judge named another where the order was reversed, so that the two share; None: there was
    nothing to ask.
    """

    shares: Mapping[str, float]
    disagreed: bool | None


async def choose(
    metric: SelectBest, outputs: Mapping[str, JSON], names: Names, ask: AskJudge, render: Render
) -> Choice:
    """Choose among the outputs of a row, by cell, of which there are some. Raises CannotJudge, NotAsked."""
    cells: dict[str, list[str]] = {}
    for cell, output in outputs.items():
        cells.setdefault(as_text(output), []).append(cell)
    texts = list(cells)
    if len(texts) == 1:
        return Choice(_shared([cells[texts[0]]]), None)
    comparing = _Comparing(metric, names, ask, render)
    orders = (texts, texts[::-1])
    best = await asyncio.gather(*map(comparing.best, orders), return_exceptions=True)
    winners: dict[str, None] = {}
    for one in best:
        if isinstance(one, BaseException):
            raise one
        winners[one] = None
    return Choice(_shared([cells[text] for text in winners]), len(winners) > 1)


def _shared(winners: Sequence[Sequence[str]]) -> dict[str, float]:
    return {cell: 1 / len(winners) / len(alike) for alike in winners for cell in alike}


@frozen
class _Comparing:
    metric: SelectBest
    names: Names
    ask: AskJudge
    render: Render

    async def best(self, texts: Sequence[str]) -> str:
        """Give the best of the texts, which are shown in this order."""
        question = Question(
            judge=self.metric.judge_model, messages=await self._messages(texts), schema=VERDICT
        )
        try:
            answer = await self.ask(question)
        except NoAnswer as error:
            raise CannotJudge(str(error)) from None
        number: int = verdict_in(answer.text, VERDICT)["best"]
        if not 1 <= number <= len(texts):
            raise CannotJudge(f"the judge chose output {number} of {len(texts)}")
        return texts[number - 1]

    async def _messages(self, texts: Sequence[str]) -> tuple[Message, ...]:
        try:
            value = as_text(await filled(self.metric.rubric, self.names, self.render)).strip()
            mark = digest([*sorted(texts), value])[:MARK]
            seen = self.names.and_values({"candidates": list(texts), "value": value, "mark": mark})
            rendered = await self.render(self.metric.prompt.template, seen)
        except RenderFailed as error:
            raise CannotJudge(str(error)) from None
        if not value:
            raise CannotJudge("the rubric is empty, so that there is nothing to choose by")
        return messages_of(rendered, NO_ATTACHMENTS)
