"""The pages of checks: each type has one, its example is true, and one pipeline uses every type."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from promptlab.engine.catalog import CHECKS
from promptlab.engine.judged import JudgedCheck
from tests import check_pages
from tests.cli_kit import Cli

EXAMPLES: dict[str, dict[str, Any]] = yaml.safe_load(check_pages.EXAMPLES.read_text(encoding="utf-8"))
MANNERS = Path(__file__).parent.parent / "tools" / "manners.py"
TOLD = "{{ row['said'] | tojson }}"
WANTED = {"passes": "passed", "fails": "failed"}
SETTINGS = "version: 1\njudge: echo/echo\nprices: {echo/*: {input: 1000, output: 1000}}\n"
OVER_ECHO: dict[str, dict[str, Any]] = {
    "finish-reason": {
        "check": {"finish-reason": "{{ ended }}"},
        "passes": {"ended": "stop"},
        "fails": {"ended": "length"},
    },
    "turns": {"check": {"turns": "{{ count }}"}, "passes": {"count": 1}, "fails": {"count": 2}},
    "latency": {"check": {"latency": 60_000}, "passes": {}, "fails": None},
    "not-latency": {"check": {"not-latency": 60_000}, "fails": {}},
    "cost": {"check": {"cost": 0.1}, "passes": {}, "fails": {"output": "a very long answer " * 40}},
    "perplexity": {"passes": {"output": "It is so"}, "fails": {"output": "Extraordinarily"}},
    "perplexity-score": {"passes": {"output": "It is so"}, "fails": {"output": "Extraordinarily"}},
    "tool-call-f1": {"passes": {"output": [{"name": "status", "arguments": {}}]}, "fails": {"output": []}},
    "tools-called": {
        "passes": {"output": [{"name": "status", "arguments": {}}, {"name": "refund", "arguments": {}}]},
        "fails": {"output": [{"name": "refund", "arguments": {}}]},
    },
    "tool-args-match": {
        "passes": {"output": [{"name": "status", "arguments": {"order": "A1"}}]},
        "fails": {"output": [{"name": "status", "arguments": {}}]},
    },
}
"""What echo cannot be made to do is said otherwise than on the page."""


def test_every_type_has_an_example_and_says_what_it_does() -> None:
    """
    Given the table of types,
    when it is held against the examples and the families of the index,
    then none is missing or too many, and each has a docstring of its own.
    """
    families = {name for names in check_pages.FAMILIES.values() for name in names.split()}

    assert EXAMPLES.keys() == set(CHECKS.names())
    assert set(CHECKS.names()) <= families
    assert [name for name in CHECKS.names() if not vars(CHECKS.get(name)).get("__doc__")] == []


def test_the_pages_are_as_the_code_says() -> None:
    """
    Given the pages in the repository,
    when they are made anew,
    then they are the same; `make pages` writes them.
    """
    made = check_pages.pages()

    old = [name for name, text in made.items() if (check_pages.FOLDER / name).read_text() != text]
    there = {path.name for path in check_pages.FOLDER.glob("*.md")}
    assert old == []
    assert there == made.keys()


@pytest.fixture
def project(cli: Cli) -> Cli:
    (cli.folder / "promptlab.yaml").write_text(SETTINGS)
    for name, text in (("prompts/told.j2", TOLD), ("tools/manners.py", MANNERS.read_text())):
        (cli.folder / name).parent.mkdir(exist_ok=True)
        (cli.folder / name).write_text(text)
    return cli


def long_form(name: str, check: Any) -> dict[str, Any]:
    """Give a check in its long form, for the lines of its kind alone; judges say what they are told to."""
    base = CHECKS.get(name.removeprefix("not-"))
    if isinstance(check, str):
        check = {"type": check}
    elif "type" not in check:
        ((type_, value),) = check.items()
        check = {"type": type_, base.short_form: value}
    told = {"prompt": "prompts/told.j2"} if issubclass(base, JudgedCheck) else {}
    return {**check, **told, "name": name, "when": f"kind == '{name}'"}


def lines(examples: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Give a line for each example that passes or fails."""
    found = []
    for name, example in examples.items():
        for index, wanted in enumerate(("passes", "fails")):
            if example.get(wanted) is not None:
                said = example["said"][index] if "said" in example else None
                found.append({"kind": name, "wanted": WANTED[wanted], **example[wanted], "said": said})
    return found


def test_the_examples_are_true(project: Cli) -> None:
    """
    Given the examples of all pages,
    when they are judged as answers from a file,
    then those pass and fail that the pages say.
    """
    checks = [long_form(name, example["check"]) for name, example in EXAMPLES.items()]
    answers = lines(EXAMPLES)
    (project.folder / "checks.yaml").write_text(json.dumps(checks))
    (project.folder / "answers.jsonl").write_text("\n".join(map(json.dumps, answers)))

    project("check", "--outputs", "answers.jsonl", "--checks", "checks.yaml", "--out", "r.jsonl")

    found = [json.loads(line) for line in (project.folder / "r.jsonl").read_text().splitlines()]
    wrong = [
        (answer["kind"], answer["wanted"], trial["status"], [check["reason"] for check in trial["checks"]])
        for answer, trial in zip(answers, found, strict=True)
        if trial["status"] != answer["wanted"]
    ]
    assert wrong == []


def test_one_pipeline_uses_every_type(project: Cli) -> None:
    """
    Given one pipeline over echo/echo with a check of every type, and rows that pass, fail and err for each,
    when it is run,
    then each passes, fails and errs where it should.
    """
    examples = {
        name: {**EXAMPLES.get(name, {}), **OVER_ECHO.get(name, {})} for name in (*EXAMPLES, *OVER_ECHO)
    }
    rows = [{**row, "say": say(row.get("output", "ok"))} for row in lines(examples)]
    known = dict.fromkeys(key for row in rows for key in row)
    whole = [{key: "" if row.get(key) is None else row[key] for key in known} for row in rows]
    erring = dict.fromkeys(known, "") | {"kind": "", "fail": True}
    pipeline = {
        "version": 1,
        "inputs": {"say": "string", "fail": {"type": "boolean", "default": False}},
        "model": "echo/echo",
        "params": {"extra": {"logprobs": True}},
        "dataset": [*whole, erring],
        "steps": [{"id": "echo", "messages": [{"role": "user", "content": "{{ none if fail else say }}"}]}],
        "checks": [long_form(name, example["check"]) for name, example in examples.items()],
    }
    project.write(every=json.dumps(pipeline))
    (project.folder / "promptlab.yaml").write_text(SETTINGS)

    ended = project("run", "every", "--out", "r.jsonl", "--json")
    assert ended.code != 2, ended.err

    found = [json.loads(line) for line in (project.folder / "r.jsonl").read_text().splitlines()]
    found.sort(key=lambda trial: trial["row"])
    by_name = [{check["name"]: check for check in trial["checks"]} for trial in found]
    wrong = [
        (row["kind"], row["wanted"], checks[row["kind"]])
        for row, checks in zip(rows, by_name, strict=False)
        if checks[row["kind"]]["status"] != row["wanted"]
    ]
    assert ended.code == 1
    assert wrong == []
    assert {check["status"] for check in found[-1]["checks"]} == {"errored"}


def say(output: object) -> str:
    return output if isinstance(output, str) else json.dumps(output)
