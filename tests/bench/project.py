"""A project of one step and one check over any number of rows, against a server on loopback."""

import json
from pathlib import Path

PIPELINE = """\
version: 1
name: bench
model: bench/fake-model
dataset: data/rows.jsonl
inputs: {question: string}
params: {max_tokens: 64}
steps:
  - id: answer
    prompt: prompts/answer.j2
    checks:
      - icontains: "{{ expected }}"
"""
PROMPT = """\
{% system %}You answer in one short sentence.{% endsystem %}
Answer this question: {{ question }}
"""
SETTINGS = """\
version: 1
providers:
  bench: {{type: openai, base_url: "{base_url}", max_concurrency: 64, timeout: 60}}
prices: {{bench/*: {{input: 0.1, output: 0.4}}}}
"""


def write_project(folder: Path, *, rows: int, base_url: str) -> None:
    for name in ("pipelines", "prompts", "data"):
        (folder / name).mkdir(parents=True)
    (folder / "promptlab.yaml").write_text(SETTINGS.format(base_url=base_url))
    (folder / "pipelines" / "bench.yaml").write_text(PIPELINE)
    (folder / "prompts" / "answer.j2").write_text(PROMPT)
    (folder / "data" / "rows.jsonl").write_text("".join(_row(number) for number in range(rows)))


def _row(number: int) -> str:
    question = f"What is the number {number} called in words?"
    return f"{json.dumps({'id': number, 'question': question, 'expected': f'number {number}'})}\n"
