"""Projects of one or two steps over any number of rows, against a server on loopback or none."""

import json
from collections.abc import Callable
from pathlib import Path

PROMPTS = {
    "answer.j2": "{% system %}You answer in one short sentence.{% endsystem %}\n"
    "Answer this question: {{ question }}\n",
    "shorten.j2": "{% system %}You answer in one short sentence.{% endsystem %}\n"
    "Shorten this: {{ answer.output }}\n",
}
ONE_STEP = """\
  - id: answer
    prompt: prompts/answer.j2
    checks:
      - icontains: "{{ expected }}"
"""
TWO_STEPS = """\
  - id: answer
    prompt: prompts/answer.j2
  - id: shorten
    prompt: prompts/shorten.j2
    checks:
      - icontains: "{{ expected }}"
"""
TWENTY_CHECKS = [
    {"contains": "{{ expected }}"},
    {"expression": "output | length < 100"},
    {"icontains": "NUMBER"},
    {"contains-all": ["It", "value"]},
    {"contains-any": ["number", "figure"]},
    {"icontains-all": ["IT", "VALUE"]},
    {"icontains-any": ["NUMBER", "FIGURE"]},
    {"starts-with": "It is"},
    {"ends-with": "}"},
    {"regex": r"number \d+"},
    {"word-count": {"min": 3, "max": 20}},
    {"type": "levenshtein", "value": 'It is number 1: {"value": 1}', "threshold": 30},
    "contains-json",
    "not-is-json",
    "not-is-xml",
    "not-contains-html",
    "not-is-refusal",
    {"not-equals": "It"},
    {"all-of": [{"contains": "It"}, {"not-contains": "sorry"}]},
    {"any-of": [{"contains": "number"}, {"contains": "figure"}]},
]
FIVE_CHECKS = """\
  - id: answer
    prompt: prompts/answer.j2
    checks:
      - icontains: "{{ expected }}"
      - contains: number
      - not-contains: As an AI
      - regex: "number [0-9]+"
      - {type: word-count, value: {max: 80}}
"""
TEN_CHECKS = """\
  - id: answer
    prompt: prompts/answer.j2
    checks:
      - icontains: "{{ expected }}"
      - contains: number
      - icontains-any: ["{{ expected }}", nothing]
      - contains-all: [number, called]
      - not-contains: As an AI
      - regex: "number [0-9]+"
      - {type: word-count, value: {max: 80}}
      - {type: levenshtein, value: "{{ question }}", threshold: 60}
      - expression: "output | length < 400"
      - not-equals: ""
"""
PIPELINE = """\
version: 1
name: {name}
model: {model}
dataset: data/rows.jsonl
inputs: {{question: string}}
params: {{max_tokens: 64}}
steps:
{steps}"""
SETTINGS = """\
version: 1
providers:
  bench: {{type: openai, base_url: "{base_url}", max_concurrency: 64, timeout: 60}}
prices: {{bench/*: {{input: 0.1, output: 0.4}}}}
"""


def write_project(folder: Path, *, rows: int, base_url: str | None = None, steps: str = ONE_STEP) -> Path:
    """Write the pipeline `bench`; without an address it asks echo/echo."""
    for name in ("pipelines", "prompts", "data"):
        (folder / name).mkdir(parents=True)
    settings = "version: 1\n" if base_url is None else SETTINGS.format(base_url=base_url)
    (folder / "promptlab.yaml").write_text(settings)
    model = "echo/echo" if base_url is None else "bench/fake-model"
    _write_pipeline(folder, "bench", model, steps)
    _write_prompts(folder)
    _write_rows(folder / "data" / "rows.jsonl", rows, _row)
    return folder


def write_pipelines(folder: Path, *, count: int) -> Path:
    """Write `count` pipelines of two steps that share their prompts and data."""
    write_project(folder, rows=10)
    for number in range(1, count):
        _write_pipeline(folder, f"bench-{number}", "echo/echo", TWO_STEPS)
    return folder


def write_answers(folder: Path, count: int) -> Path:
    """Write so many answers, and twenty checks that most of them pass."""
    folder.mkdir(parents=True)
    answers = (
        {"output": f'It is {expected(n)}: {{"value": {n}}}', "expected": expected(n)} for n in range(count)
    )
    (folder / "answers.jsonl").write_text("\n".join(map(json.dumps, answers)))
    (folder / "checks.yaml").write_text(json.dumps(TWENTY_CHECKS))
    return folder


def question(number: int) -> str:
    return f"What is the number {number} called in words?"


def expected(number: int) -> str:
    return f"number {number}"


def _write_pipeline(folder: Path, name: str, model: str, steps: str) -> None:
    text = PIPELINE.format(name=name, model=model, steps=steps)
    (folder / "pipelines" / f"{name}.yaml").write_text(text)


def _write_prompts(folder: Path) -> None:
    for name, text in PROMPTS.items():
        (folder / "prompts" / name).write_text(text)


def _write_rows(path: Path, rows: int, row: Callable[[int], str]) -> None:
    with path.open("w") as file:
        file.writelines(row(number) for number in range(rows))


def _row(number: int) -> str:
    found = {"id": number, "question": question(number), "expected": expected(number)}
    return f"{json.dumps(found)}\n"
