"""Runs and trials as programs read them over HTTP."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from promptlab.main import create_app
from promptlab.models import Run
from promptlab.reports import REPORTS
from tests.cli_kit import write_project
from tests.look_kit import BIDI, MEGABYTE, SCRIPT, folder_with_runs
from tests.run_log_kit import ANSWER
from tests.serving_kit import server_settings, signed_in

NULL_IN_EXAMPLES = {"reason", "against", "searched"}  # FastAPI leaves out what is null


@dataclass(frozen=True, slots=True)
class Api:
    """A client, and the runs that it can read: the earlier and the later of a pipeline."""

    client: TestClient
    earlier: str
    later: str
    other: str

    def get(self, path: str, expected: int = 200, **params: Any) -> Any:
        answer = self.client.get(f"/api/runs{path}", params=params)
        assert (answer.status_code, answer.text[:500]) == (expected, answer.text[:500])
        return answer.json()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project whose log is in a file, and one whose `.env` names PostgreSQL."""
    root = tmp_path_factory.mktemp("api")
    write_project(root)
    if request.param == "sqlite":
        yield root
        return
    with request.getfixturevalue("postgres_server").with_database() as url:
        (root / ".env").write_text(f"PROMPTLAB_DATABASE_URL={url}\n")
        yield root


@pytest.fixture(scope="module")
def api(project: Path) -> Iterator[Api]:
    root = project
    earlier, later, other, _ = folder_with_runs(root)
    with signed_in(create_app(server_settings(root, rate=1e6))) as client:
        yield Api(client, earlier, later, other)


def test_runs_are_listed_with_cursors(api: Api) -> None:
    """
    Given runs,
    when pages of three are asked for,
    then two hold them all, and the last has no next.
    """
    first = api.get("", limit=3)
    second = api.get("", limit=3, cursor=first["next"])

    names = [(run["pipeline"], run["status"]) for run in (*first["runs"], *second["runs"])]
    assert names == [("cut", "interrupted"), ("other", "passed"), ("triage", "failed"), ("triage", "passed")]
    assert second["next"] is None


def test_a_listed_run_tells_what_it_came_to(api: Api) -> None:
    """
    Given a run,
    when it is found by its commit,
    then its trials, calls, rates and costs are there; its cost is unknown, as that of a trial is.
    """
    (run,) = api.get("", commit="ffe0", pipeline="triage", status="failed", text="", user="")["runs"]

    assert (run["id"], run["planned"], run["cells"]) == (api.later, 12, ["base", "few-shot"])
    assert run["trials"] == {"passed": 9, "failed": 2, "errored": 1, "skipped": 0, "left": 0}
    assert (run["pass_rate"], run["history"], run["cost_usd"]) == (0.5, [1.0, 0.5], None)


def test_a_run_is_read_by_its_id_a_start_of_it_or_last(api: Api) -> None:
    """
    Given runs,
    when one is asked for by each of its names,
    then it is that.
    """
    pipelines = [api.get(f"/{name}")["pipeline"] for name in (api.other, api.other[:18], "LAST")]

    assert pipelines == ["other", "other", "cut"]


@pytest.mark.parametrize(
    "name", ["nowhere", "..%2f", "%2e%2e", "l\u0101st", "x" * 10_000, "a'--", "%00", "-"]
)
@pytest.mark.parametrize("rest", ["", "/trials", "/trials/0-0-0", "/report"])
def test_a_run_that_is_not_there_is_a_404(api: Api, name: str, rest: str) -> None:
    """
    Given a name that no run has,
    when anything of it is asked for,
    then a problem says that it is not there.
    """
    answer = api.client.get(f"/api/runs/{name}{rest}")

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_a_start_of_several_ids_is_refused(api: Api) -> None:
    """
    Given what several ids begin with,
    when it is asked for,
    then the problem names some of them.
    """
    problem = api.get("/0", expected=422)

    assert "more than one run" in problem["detail"]


@pytest.mark.parametrize(
    "query",
    [
        "x=1", "sort=id;drop table runs", "filter[x') OR '1'='1]=1", "status=odd", "limit=0", "limit=201",
        "cursor=x", f"limit={2**63}", f"limit={10**400}", "tag=%00", "check=" + "x" * 401, "regex=(",
        "flipped=maybe", "sort=",
    ],
)  # fmt: skip
def test_what_a_list_of_trials_does_not_know_is_refused(api: Api, query: str) -> None:
    """
    Given a filter, order, bound or cursor that there is none of,
    when trials are asked for with it,
    then that is a problem; an empty value is none.
    """
    answer = api.client.get(f"/api/runs/last/trials?{query}")

    assert answer.status_code == (200 if query == "sort=" else 422)


@pytest.mark.parametrize(
    "query",
    ["x=1", "since=0001-01-01T00:00:00%2B14:00", "until=9999-12-31T23:59:59-14:00", "since=soon",
     "status=left", "text=%00", "limit=1.5", "cursor=W10"],
)  # fmt: skip
def test_what_a_list_of_runs_does_not_know_is_refused(api: Api, query: str) -> None:
    """
    Given a filter, moment, bound or cursor that there is none of,
    when runs are asked for with it,
    then that is a problem.
    """
    answer = api.client.get(f"/api/runs?{query}")

    assert answer.status_code == 422


def test_trials_come_by_rows_with_what_was_before(api: Api) -> None:
    """
    Given a run after another,
    when those that flipped are asked for,
    then they say how they ended there, by default in the run before.
    """
    page = api.get(f"/{api.later}/trials", flipped="true", cell="base")
    alone = api.get(f"/{api.later}/trials", flipped="true", against="none")

    told = [
        (row["row"], trial["place"], trial["before"], trial["status"])
        for row in page["rows"]
        for trial in row["trials"]
    ]
    assert (page["against"], page["next"]) == (api.earlier, None)
    assert told == [(1, "1-0-0", "passed", "failed"), (3, "3-0-0", "passed", "failed")]
    assert alone["rows"] == []


def test_a_trial_is_whole(api: Api) -> None:
    """
    Given a trial,
    when it is read by its place and by its id,
    then its steps, messages, checks, calls and neighbours are there.
    """
    trial = api.get(f"/{api.later}/trials/0-0-0")
    (step,) = trial["steps"]

    assert api.get(f"/{api.later}/trials/{trial['id']}") == trial
    assert (trial["row_id"], trial["columns"]["label"], trial["next"]) == ("new", "billing", "0-1-0")
    assert [message["role"] for message in step["messages"]] == ["user", "assistant"]
    assert [(check["name"], check["status"]) for check in step["checks"]] == [("equals", "passed")]
    assert step["calls"][0]["completion_id"] == trial["answers"][0]["id"]


def test_a_call_has_its_request_and_its_bytes(api: Api) -> None:
    """
    Given a trial with a call,
    when the call is read,
    then its request is there, and what came, as it came.
    """
    answer = api.get(f"/{api.later}/trials/0-0-0")["answers"][0]["id"]

    call = api.get(f"/{api.later}/trials/0-0-0/calls/{answer}")

    assert (call["raw"], call["request"]["model"]) == (ANSWER.raw.decode(), "gpt-4o-mini")
    api.get(f"/{api.later}/trials/1-0-0/calls/{answer}", expected=404)
    api.get(f"/{api.later}/trials/0-0-0/calls/{2**63}", expected=422)


@pytest.mark.parametrize(("place", "output"), [("1-0-0", SCRIPT), ("2-0-0", BIDI), ("3-0-0", MEGABYTE)])
def test_any_output_comes_as_it_is(api: Api, place: str, output: str) -> None:
    """
    Given an output with markup, with a lone surrogate, and of a megabyte,
    when its trial is read,
    then the JSON says what it was.
    """
    trial = api.get(f"/{api.later}/trials/{place}")

    assert trial["outputs"] == output


def test_numbers_that_json_lacks_are_null(api: Api) -> None:
    """
    Given a run whose metrics hold a number that is none, and one too large,
    when it is read,
    then these are null.
    """
    log = api.client.app.state.opened.log  # type: ignore[attr-defined]
    with log.writing() as session:
        kept = session.get_one(Run, api.other)
        kept.metrics = {"x": float("nan"), "y": [float("inf"), 1.5]}

    run = api.get(f"/{api.other}")

    assert run["metrics"] == {"x": None, "y": [None, 1.5]}


def test_what_does_not_change_is_sent_once(api: Api) -> None:
    """
    Given a run that ended,
    when what was told of it is asked for again with its tag,
    then nothing is sent; another page of it has another tag.
    """
    paths = [
        f"/api/runs/{api.later}{rest}" for rest in ("", "/trials", "/trials?sort=-cost", "/trials/0-0-0")
    ]
    tags = [api.client.get(path).headers["etag"] for path in paths]

    again = [
        api.client.get(path, headers={"If-None-Match": f'"x", {tag}'})
        for path, tag in zip(paths, tags, strict=True)
    ]

    assert [(answer.status_code, answer.content) for answer in again] == [(304, b"")] * 4
    assert len(set(tags)) == 4
    assert api.client.get(paths[0], headers={"If-None-Match": tags[1]}).status_code == 200


@pytest.mark.parametrize("kind", REPORTS.names())
def test_a_run_is_written_as_each_report(api: Api, kind: str) -> None:
    """
    Given a run with hostile outputs,
    when it is asked for as a report,
    then that comes, to be saved, and not to be shown here.
    """
    answer = api.client.get(f"/api/runs/{api.later}/report", params={"format": kind})

    assert (answer.status_code, bool(answer.content)) == (200, True)
    assert answer.headers["content-disposition"].startswith(f'attachment; filename="{api.later}.')


def test_reports_are_what_the_command_writes(api: Api) -> None:
    """
    Given a run,
    when its JSONL and CSV are asked for, and one of a kind that there is not,
    then each trial is a line, and the other is a problem with a hint.
    """
    jsonl = api.client.get(f"/api/runs/{api.later}/report?format=jsonl").text
    table = api.client.get(f"/api/runs/{api.later}/report?format=csv").text
    problem = api.get(f"/{api.later}/report", expected=422, format="jsonk")

    assert [json.loads(line)["row"] for line in jsonl.splitlines()] == [
        row for row in range(6) for _ in range(2)
    ]
    assert table.startswith("row,row_id,cell,repeat,status,score,")
    assert problem["hint"] == "did you mean 'json'?"


def test_the_description_has_examples(api: Api) -> None:
    """
    Given the API's description,
    when its bodies of lists are read,
    then each has an example that is complete but for what is null.
    """
    schemas = api.client.get("/api/openapi.json").json()["components"]["schemas"]

    for name in ("ListedRun", "TrialPage"):
        (example,) = schemas[name]["examples"]
        assert {*schemas[name]["properties"]} - {*example} <= NULL_IN_EXAMPLES
        assert {*example} <= {*schemas[name]["properties"]}
