"""The floor: a bare loop over AsyncOpenAI that logs nothing, as a program of its own."""

import asyncio
import json
import sys
import time

from openai import AsyncOpenAI


async def main(url: str, rows: int, connections: int) -> None:
    client = AsyncOpenAI(base_url=url, api_key="bench-key", max_retries=0)
    slots = asyncio.Semaphore(connections)
    passed = 0

    async def ask(number: int) -> None:
        nonlocal passed
        async with slots:
            answer = await client.chat.completions.create(
                model="fake-model",
                max_tokens=64,
                messages=[
                    {"role": "system", "content": "You answer in one short sentence."},
                    {
                        "role": "user",
                        "content": f"Answer this question: What is the number {number} called in words?",
                    },
                ],
            )
            passed += f"number {number}" in (answer.choices[0].message.content or "").lower()

    started, cpu = time.monotonic(), time.process_time()
    await asyncio.gather(*(ask(number) for number in range(rows)))
    seconds, cpu = time.monotonic() - started, time.process_time() - cpu
    sys.stdout.write(json.dumps({"seconds": seconds, "cpu": cpu, "passed": passed}) + "\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
