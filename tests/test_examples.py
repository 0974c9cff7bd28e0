"""The examples: each is valid, and runs from end to end."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
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


def test_each_sentence_goes_to_its_team(examples: Cli) -> None:
    """
    Given tickets whose sentences are each one of the words that the answer may be,
    when they are sorted on a model that repeats what it was asked,
    then each sentence has a verdict, and the ticket goes to each team once.
    """
    row = {"ticket": "billing shipping", "labels": ["billing"]}
    (examples.folder / "tools" / "tickets.py").write_text(
        "def sentences(ticket): return ticket.split() * 2\n"
    )
    write_rows(
        examples.folder / "data" / "long_tickets.jsonl", {**row, "labels": ["billing", "shipping"] * 2}
    )

    said = examples("run", "ticket_parts", "--model", "echo/echo", "--out", "out.jsonl", "--json")

    trial = json.loads((examples.folder / "out.jsonl").read_text())
    assert (said.code, trial["status"], len(trial["checks"])) == (0, "passed", 4), trial
    assert trial["outputs"] == {"teams": ["billing", "shipping"]}


def test_a_subject_line_is_tried_until_it_is_short(examples: Cli) -> None:
    """
    Given a ticket that is short, and one that a model which repeats what it was asked never cuts,
    when subject lines are written,
    then the first takes one try and passes, the second takes all three and fails.
    """
    rows = [{"ticket": "Refund please"}, {"ticket": "one two three four five six seven eight nine"}]
    write_rows(examples.folder / "data" / "long_tickets.jsonl", *rows)

    examples("run", "subject_line", "--model", "echo/echo", "--out", "out.jsonl", "--json")

    lines = (json.loads(line) for line in (examples.folder / "out.jsonl").read_text().splitlines())
    ended = {line["row"]: (line["status"], line["outputs"]["tries"]) for line in lines}
    assert ended == {0: ("passed", 1), 1: ("failed", 3)}


def test_the_desk_has_what_its_pipelines_give(examples: Cli) -> None:
    """
    Given the two pipelines that the desk calls, run before on the same tickets,
    when the desk is run,
    then it gives the outputs of both, with their verdicts, and asks nothing anew.
    """
    rows = {"ticket": "billing", "labels": ["billing"]}
    write_rows(examples.folder / "data" / "long_tickets.jsonl", rows)
    examples("run", "ticket_parts", "subject_line", "--model", "echo/echo")

    said = examples("run", "ticket_desk", "--model", "echo/echo", "--out", "out.jsonl", "--json")

    trial = json.loads((examples.folder / "out.jsonl").read_text())
    assert (said.code, said.json["calls"]["sent"]) == (0, 0), said.err
    assert trial["outputs"] == {"teams": ["billing"], "subject": "billing"}
    assert [check["step"] for check in trial["checks"]] == ["route.parts[0].sort", "title", None]


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


def test_a_ticket_is_answered_knowing_who_asks(examples: Cli) -> None:
    """
    Given the customers' service of the examples, running,
    when the pipeline that asks it runs,
    then it has asked once for each ticket, each reply knows the customer's name and plan, and one that the
    service does not know gets a reply without.
    """
    with customers(examples) as address:
        url = f"steps.account.http.url={address}/customers/{{{{ customer | urlencode }}}}"
        said = examples("run", "customer_reply", "--model", "echo/echo", "--set", url, "--out", "o.jsonl")

    trials = [json.loads(line) for line in (examples.folder / "o.jsonl").read_text().splitlines()]
    account = {trial["row_id"]: trial["steps"]["account"] for trial in trials}
    assert (said.code, [trial["status"] for trial in trials]) == (0, ["passed"] * 5), said.err
    assert account["R3"]["output"] == {"name": "Priya Shah", "plan": "pro"}
    assert "status 404" in account["R5"]["error"]
    assert all(
        f"Customer: {step['output']['name']} (" in reply_to(trials, id_) for id_, step in account.items()
    )


def test_a_ticket_is_answered_where_the_service_does_not_run(examples: Cli) -> None:
    """
    Given no service at the address that the pipeline asks,
    when its first row runs,
    then it ends well all the same, with what it does without.
    """
    with closed_port() as port:
        url = f"steps.account.http.url=http://127.0.0.1:{port}/"
        said = examples(
            "run", "customer_reply", "--model", "echo/echo", "--set", url, "--limit", "1", "--json"
        )

    assert (said.code, said.json["trials"]["passed"]) == (0, 1), said.err


def reply_to(trials: list[dict[str, Any]], row: str) -> str:
    return str(next(trial["steps"]["reply"]["output"] for trial in trials if trial["row_id"] == row))


@contextmanager
def customers(examples: Cli) -> Iterator[str]:
    """Start the service of the examples on a free port, as its users do."""
    command = [sys.executable, str(examples.folder / "tools" / "customer_service.py"), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@contextmanager
def closed_port() -> Iterator[int]:
    """Give a port where nobody listens, and that nobody else gets meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@needs_weights
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name == "summary" else pytest.mark.thorough) for name in EXAMPLES],
)
def test_an_example_runs_on_the_real_model(examples: Cli, name: str) -> None:
    """
    Given the embedded model,
    when the first row of an example is run on it,
    then each step has an answer, and each check a verdict.
    """
    said = examples("run", name, "--limit", "1", "--json")

    assert ended_well(said.json["trials"]), said.err
    assert said.json["calls"]["recalled"] == 0


@pytest.mark.thorough
@needs_weights
def test_the_helpdesk_branches_loops_calls_and_recalls_all_of_it(examples: Cli) -> None:
    """
    Given the embedded model, a ticket about an order and one that is not,
    when the pipeline of all kinds of steps runs, and runs again,
    then the order was looked up for the first alone, each sentence was sorted, and nothing is asked twice.
    """
    run = ("run", "helpdesk", "--limit", "2", "--json", "--out", "out.jsonl")
    first = examples(*run).json
    again = examples(*run).json

    trials = {trial["row_id"]: trial for trial in read_lines(examples.folder / "out.jsonl")}
    asked, other = trials["H1"]["steps"], trials["H2"]["steps"]
    assert [call["name"] for call in asked["order"]["tool_calls"]] == ["order_status"]
    assert other["order"]["status"] == "skipped"
    assert {"parts[0].sort", "parts[1].sort", "title.tries[0].write"} <= asked.keys()
    assert first["trials"]["errored"] == again["trials"]["errored"] == 0
    assert again["calls"]["sent"] == 0 < first["calls"]["sent"]


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
