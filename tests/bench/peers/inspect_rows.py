"""inspect_ai: a task of samples, each held to one word, logged as it logs by default.

Arguments: address, rows, connections, calls a row, 1 where its cache is to be used.
"""

import os
import sys

from inspect_ai import Task, eval  # noqa: A004 - its name
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import includes
from inspect_ai.solver import Solver, generate, system_message, user_message


def main(url: str, rows: int, connections: int, steps: int, cached: int) -> None:
    os.environ.update(OPENAI_BASE_URL=url, OPENAI_API_KEY="bench-key")
    samples = [
        Sample(
            id=number,
            input=f"Answer this question: What is the number {number} called in words?",
            target=f"number {number}",
        )
        for number in range(rows)
    ]
    solvers: list[Solver] = [
        system_message("You answer in one short sentence."),
        generate(cache=bool(cached)),
    ]
    for _ in range(steps - 1):
        solvers += [user_message("Shorten this."), generate(cache=bool(cached))]
    task = Task(dataset=MemoryDataset(samples), solver=solvers, scorer=includes())
    (log,) = eval(
        task,
        model="openai/fake-model",
        max_connections=connections,
        max_tokens=64,
        max_samples=connections,
        display="none",
        model_args={"responses_api": False},
    )
    sys.stdout.write(f"{log.status}\n")
    sys.exit(0 if log.status == "success" else 3)


if __name__ == "__main__":
    main(sys.argv[1], *(int(argument) for argument in sys.argv[2:6]))
