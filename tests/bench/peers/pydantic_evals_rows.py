"""pydantic-evals: cases asked over AsyncOpenAI, each held to one word. Logs nothing.

Arguments: address, rows, connections, calls a row.
"""

import asyncio
import sys
from dataclasses import dataclass
from typing import Any

from openai import AsyncOpenAI
from pydantic_evals import Case, Dataset
from pydantic_evals.evaluators import Evaluator, EvaluatorContext

SYSTEM = "You answer in one short sentence."


@dataclass
class Holds(Evaluator[str, str, Any]):
    def evaluate(self, ctx: EvaluatorContext[str, str, Any]) -> bool:
        return str(ctx.expected_output) in ctx.output.lower()


async def main(url: str, rows: int, connections: int, steps: int) -> None:
    client = AsyncOpenAI(base_url=url, api_key="bench-key", max_retries=0)

    async def ask(text: str) -> str:
        answer = await client.chat.completions.create(
            model="fake-model",
            max_tokens=64,
            messages=[{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}],
        )
        return answer.choices[0].message.content or ""

    async def answer(question: str) -> str:
        text = await ask(f"Answer this question: {question}")
        for _ in range(steps - 1):
            text = await ask(f"Shorten this: {text}")
        return text

    cases = [
        Case(
            name=str(number),
            inputs=f"What is the number {number} called in words?",
            expected_output=f"number {number}",
        )
        for number in range(rows)
    ]
    dataset = Dataset(name="bench", cases=cases, evaluators=[Holds()])
    report = await dataset.evaluate(answer, max_concurrency=connections, progress=False)
    averages = report.averages()
    passed = 0 if averages is None or averages.assertions is None else averages.assertions
    sys.stdout.write(f"{passed}\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], *(int(argument) for argument in sys.argv[2:5])))
