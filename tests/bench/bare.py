"""The floor: a bare loop over AsyncOpenAI that logs nothing, as a program of its own.

Arguments: address, rows, connections, calls a row (each asks about the answer before).
"""

import asyncio
import json
import sys
import time

from openai import AsyncOpenAI

from tests.bench.project import expected, question

SYSTEM = "You answer in one short sentence."


async def main(url: str, rows: int, connections: int, steps: int) -> None:
    client = AsyncOpenAI(base_url=url, api_key="bench-key", max_retries=0)
    slots = asyncio.Semaphore(connections)
    passed = 0

    async def ask(text: str) -> str:
        answer = await client.chat.completions.create(
            model="fake-model",
            max_tokens=64,
            messages=[{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}],
        )
        return answer.choices[0].message.content or ""

    async def answer_row(number: int) -> None:
        nonlocal passed
        async with slots:
            text = await ask(f"Answer this question: {question(number)}")
            for _ in range(steps - 1):
                text = await ask(f"Shorten this: {text}")
        passed += expected(number) in text.lower()

    started = time.monotonic()
    await asyncio.gather(*(answer_row(number) for number in range(rows)))
    seconds = time.monotonic() - started
    sys.stdout.write(json.dumps({"seconds": seconds, "passed": passed}) + "\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], *(int(argument) for argument in sys.argv[2:5])))
