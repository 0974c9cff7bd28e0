"""The examples: each is valid, and runs from end to end."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from promptlab.engine.providers.embedded import MODELS
from tests.cli_kit import Cli
from tests.fakes import FakeProvider

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted(path.stem for path in ROOT.glob("pipelines/*.yaml"))
CONTACT = {"name": "Ada Ray", "email": "ADA@RAY.EXAMPLE", "phone": "+44 (20) 5550-1"}
NORMALISED = {"name": "Ada Ray", "email": "ada@ray.example", "phone": "+442055501"}

needs_weights = pytest.mark.skipif(
    not MODELS["smollm2-135m"].is_pulled or find_spec("xllamacpp") is None,
    reason="needs the embedded model: `promptlab models pull`",
)


def write_rows(path: Path, *rows: dict[str, Any]) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def ended_well(trials: dict[str, int]) -> bool:
    """Whether there were trials, and each was judged."""
    return trials["passed"] + trials["failed"] > 0 == trials["errored"] + trials["skipped"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_valid(examples: Cli, name: str) -> None:
    """
    Given an example,
    when it is validated,
    then nothing is wrong with it or with what it names.
    """
    said = examples("validate", f"pipelines/{name}.yaml")

    assert (said.code, said.out.partition(":")[0]) == (0, f"pipelines/{name}.yaml")


@pytest.mark.parametrize("name", ["meeting_notes", "summary", "support_triage"])
def test_an_example_runs_to_its_end(examples: Cli, name: str) -> None:
    """
    Given an example whose rows make fit answers on a model that repeats what it was asked,
    when its first rows are run on that model,
    then each trial asks it once and ends with its checks' verdicts.
    """
    rows = [json.loads(line) for line in data_of(examples, name).read_text().splitlines()][:3]
    write_rows(data_of(examples, name), *(worded(row) for row in rows))

    said = examples("run", name, "--model", "echo/echo", "--json")

    assert ended_well(said.json["trials"]), said.err
    assert said.json["calls"]["sent"] == sum(said.json["trials"].values())


def data_of(examples: Cli, name: str) -> Path:
    files = {"meeting_notes": "notes", "summary": "articles", "support_triage": "tickets"}
    return examples.folder / "data" / f"{files[name]}.jsonl"


def worded(row: dict[str, Any]) -> dict[str, Any]:
    """Give a row whose ticket is one of the words that the answer may be."""
    return {**row, "ticket": row["label"]} if "ticket" in row else row


def test_the_contact_is_extracted_and_normalised(examples: Cli) -> None:
    """
    Given messages that are already what the model shall make of them,
    when the extraction runs on a model that answers with what it was asked,
    then the answers fit the schema, the function brings them into its form, and all checks pass.
    """
    rows = {"message": json.dumps(CONTACT), "expected": NORMALISED}
    write_rows(examples.folder / "data" / "contacts.jsonl", rows)

    said = examples("run", "extract_contact", "--model", "echo/echo", "--out", "out.jsonl", "--json")

    trial = json.loads((examples.folder / "out.jsonl").read_text())
    assert (said.code, trial["status"]) == (0, "passed"), trial
    assert trial["outputs"] == {"contact": NORMALISED}


def test_an_order_is_looked_up(
    examples: Cli, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Given a model that calls the tool with the number that it is asked for, and repeats what that gave,
    when the example with a tool runs on it,
    then each answer says what the tool knows of the order, and all checks pass.
    """
    for name, value in fake_provider.environment().items():
        monkeypatch.setenv(name, value)
    rows = [json.loads(line) for line in (ROOT / "data" / "order_questions.jsonl").read_text().splitlines()]
    told = [{"body": f'"tool".*{row["status"]}', "answer": f"It is {row['status']}."} for row in rows]
    calls = [
        {
            "user": row["order"],
            "answer": {"tool_calls": [{"name": "order_status", "arguments": {"order": row["order"]}}]},
        }
        for row in rows
    ]
    fake_provider.script(*told, *calls)

    said = examples("run", "order_status", "--model", "openai/gpt-4o-mini", "--json")

    assert (said.code, said.json["metrics"]["pass_rate"]) == (0, 1.0), said.err
    assert said.json["calls"]["sent"] == 2 * len(rows)


@pytest.mark.slow
@needs_weights
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs_on_the_real_model(examples: Cli, name: str) -> None:
    """
    Given the embedded model,
    when the first row of an example is run on it,
    then each step has an answer, and each check a verdict.
    """
    said = examples("run", name, "--limit", "1", "--json")

    assert ended_well(said.json["trials"]), said.err
    assert said.json["calls"]["recalled"] == 0
