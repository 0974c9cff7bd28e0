"""How far judges agree with people: the numbers, the labels, and the command."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import product
from math import sqrt
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import binomtest  # type: ignore[import-untyped]

from promptlab.analysis.agreement import Confusion, kappa_error
from promptlab.cli.boundary import run
from promptlab.main import create_app
from tests.cli_kit import Cli, Said, write_project
from tests.serving_kit import server_settings, signed_in

JUDGE = '{"reason": "It says {{ output }}.", "pass": {{ row.judge == "pass" }}, "score": {{ row.score }}}'
PIPELINE = """\
version: 1
model: echo/echo
judge: echo/echo
inputs: {word: string}
dataset: data/rows.csv
steps:
  - id: say
    messages: [{role: user, content: "{{ word }}"}]
    checks:
      - {type: llm-rubric, value: is kind, prompt: prompts/judge.j2}
      - {contains: e}
"""
ROWS = """\
id,word,judge,score
a,one,pass,0.9
b,two,pass,0.8
c,three,fail,0.1
d,four,fail,0.3
e,five,pass,7
"""
RUBRIC = ["--check", "llm-rubric"]
LABELS = "row_id,human\na,pass\nb,fail\nc,fail\nd,pass\ne,pass\n"
TWO_CELLS = PIPELINE + "variants: {plain: {}, loud: {params: {temperature: 1}}}\nrepeat: 2\n"
TWO_JUDGES = PIPELINE + "checks:\n  - {type: llm-rubric, value: is short, prompt: prompts/judge.j2}\n"


@pytest.mark.parametrize(
    ("both", "judge_only", "human_only", "neither", "kappa"),
    [
        (20, 5, 10, 15, 0.4),  # 0.7 agree, 0.5 would by chance
        (45, 15, 25, 15, 0.1304347826),  # 0.6 agree, 0.54 would
        (25, 35, 5, 35, 0.2592592593),  # 0.6 agree, 0.46 would
        (10, 0, 0, 10, 1.0),
        (0, 5, 5, 0, -1.0),
    ],
)
def test_kappa_is_what_is_published(
    both: int, judge_only: int, human_only: int, neither: int, kappa: float
) -> None:
    """
    Given tables whose kappa can be computed by hand, as in Cohen's definition,
    when kappa is asked for,
    then it is that number, and within its interval.
    """
    found = Confusion(both=both, judge_only=judge_only, human_only=human_only, neither=neither)

    interval = found.kappa_interval

    assert found.kappa == pytest.approx(kappa)
    assert interval is not None
    assert -1 <= interval.low <= kappa <= interval.high <= 1
    assert interval.high - interval.low > 0.1


@pytest.mark.parametrize("cells", [(20, 5, 10, 15), (45, 15, 25, 15), (90, 3, 2, 5)])
def test_the_error_of_kappa_is_that_of_its_gradient(cells: tuple[int, int, int, int]) -> None:
    """
    Given a table,
    when the standard error of kappa is asked for,
    then it is what the delta method gives with a gradient that is taken numerically.
    """
    total, step = sum(cells), 1e-6
    shares = [cell / total for cell in cells]
    gradient = []
    for index in range(4):
        up, down = (
            [share + (sign * step if place == index else 0) for place, share in enumerate(shares)]
            for sign in (1, -1)
        )
        gradient.append((_kappa_of(up) - _kappa_of(down)) / (2 * step))
    variance = sum(
        gradient[i] * gradient[j] * (shares[i] * (i == j) - shares[i] * shares[j])
        for i, j in product(range(4), repeat=2)
    )

    found = kappa_error(_table(cells))

    assert found == pytest.approx(sqrt(variance / total), rel=1e-5)


def _table(cells: tuple[int, int, int, int]) -> Confusion:
    return Confusion(both=cells[0], judge_only=cells[1], human_only=cells[2], neither=cells[3])


def _kappa_of(shares: list[float]) -> float:
    a, b, c, d = shares
    judge, human = (a + b, c + d), (a + c, b + d)  # shares that need not add up to 1
    chance = judge[0] * human[0] + judge[1] * human[1]
    return (a + d - chance) / (1 - chance)


def test_the_interval_of_agreement_is_wilsons() -> None:
    """
    Given forty answers, thirty of them judged alike,
    when the interval of the agreement is asked for,
    then it is scipy's.
    """
    expected = binomtest(30, 40).proportion_ci(method="wilson")

    interval = Confusion(both=20, judge_only=4, human_only=6, neither=10).agreement_interval

    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_kappa_is_unknown_where_both_say_one_thing() -> None:
    """
    Given answers all of which both pass, or none at all,
    when kappa is asked for,
    then there is none: chance would give the same.
    """
    assert (Confusion(both=9).kappa, Confusion(both=9).kappa_interval) == (None, None)
    assert (Confusion().kappa, Confusion().agreement) == (None, None)


PIPELINES = {"judged": PIPELINE, "cells": TWO_CELLS, "judges": TWO_JUDGES}
FILES = {"prompts/judge.j2": JUDGE, "data/rows.csv": ROWS}


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which each of the pipelines was run once."""
    root = tmp_path_factory.mktemp("judged")
    write_project(root, **PIPELINES)
    for name, text in FILES.items():
        (root / name).parent.mkdir()
        (root / name).write_text(text)
    assert run(["--project", str(root), "run", *PIPELINES]) == 1
    return root


@dataclass(frozen=True, slots=True)
class Reports:
    """Asks for reports on the runs of a project, with labels in the current folder."""

    root: Path
    cli: Cli

    def __call__(self, pipeline: str, labels: str, *options: str, file: str = "labels.csv") -> Said:
        (self.cli.folder / file).write_text(labels)
        run_id = self.run_of(pipeline)
        return self.cli("--project", str(self.root), "judge-report", run_id, "--human", file, *options)

    def run_of(self, pipeline: str) -> str:
        with closing(sqlite3.connect(self.root / ".promptlab" / "lab.db")) as log:
            ((run_id,),) = log.execute("select id from runs where pipeline = ?", [pipeline]).fetchall()
        return str(run_id)

    def only(self, pipeline: str, labels: str, *options: str, file: str = "labels.csv") -> Any:
        """Give the one check of a report."""
        said = self(pipeline, labels, "--json", *options, file=file)
        (check,) = said.json["checks"]
        return check


@pytest.fixture
def reports(judged: Path, cli: Cli) -> Reports:
    return Reports(judged, cli)


def test_a_judge_is_held_beside_people(reports: Reports) -> None:
    """
    Given a run whose judge said something of four of five answers, and labels of all of them,
    when its report is asked for as JSON,
    then it has the numbers, the table, and where they disagree with the judge's reason.
    """
    found = reports.only("judged", LABELS)

    assert (found["check"], found["step"], found["type"]) == ("llm-rubric", "say", "llm-rubric")
    assert (found["judges"], found["n"]) == (["echo/echo"], 4)
    assert found["unjudged"] == {"errored": 1, "skipped": 0, "missing": 0}
    assert found["confusion"] == {"pass": {"pass": 1, "fail": 1}, "fail": {"pass": 1, "fail": 1}}
    assert (found["agreement"], found["kappa"]) == (0.5, 0.0)
    assert found["kappa_interval"]["low"] < 0 < found["kappa_interval"]["high"]
    assert [(one["row_id"], one["human"], one["judge"]) for one in found["disagreements"]] == [
        ("b", "fail", "pass"),
        ("d", "pass", "fail"),
    ]
    assert found["disagreements"][0]["reason"] == "It says two."


def test_a_report_for_people(reports: Reports) -> None:
    """
    Given a run and labels,
    when its report is asked for,
    then it is a table of the numbers, one of both, and a line for each disagreement.
    """
    said = reports("judged", LABELS)

    assert said.code == 0
    assert "say/llm-rubric (llm-rubric) · judged by echo/echo" in said.out
    assert "agreement      50.0 %  15.0 % to 85.0 %" in said.out
    assert "judge: pass            1            1" in said.out
    assert "not counted: it errored for 1 label" in said.out
    assert "  row 1 (b) base: human fail, judge pass (0.8): It says two." in said.out


@pytest.mark.parametrize(
    ("labels", "options", "file"),
    [
        ("row,human\n0,TRUE\n2,false\n", [], "labels.csv"),
        ("id,human\na,1\nc,0\nb,\n", [], "labels.csv"),
        ("id,note,human\na,,0.7\nc,x,0.2\n", ["--threshold", "0.7"], "labels.csv"),
        ('{"row_id": "a", "human": true}\n\n{"row_id": "c", "human": 0}\n', [], "labels.jsonl"),
        ("row_id,variant,repeat,step,human\na,base,0,say,passed\nc,base,0,say,failed\n", [], "labels.csv"),
        ("row_id,check,human\na,say/llm-rubric,pass\nc,llm-rubric,fail\n", [], "labels.csv"),
        ("row_id,check,human\na,llm-rubric,pass\nc,llm-rubric,fail\nd,contains,fail\n", RUBRIC, "l.csv"),
    ],
)
def test_labels_are_said_in_many_ways(
    reports: Reports, labels: str, options: Sequence[str], file: str
) -> None:
    """
    Given two labels that agree with the judge, in one of the forms that there are,
    when the report is asked for,
    then both are counted.
    """
    found = reports.only("judged", labels, *options, file=file)

    assert found["confusion"] == {"pass": {"pass": 1, "fail": 0}, "fail": {"pass": 0, "fail": 1}}


def test_any_check_can_be_compared(reports: Reports) -> None:
    """
    Given labels that say of which check they are, one of them asking no model,
    when the report is asked for,
    then each is compared.
    """
    labels = "row_id,check,human\na,contains,pass\na,llm-rubric,fail\nb,contains,pass\n"

    found = reports("judged", labels, "--json").json["checks"]

    assert [(one["check"], one["n"], one["agreement"]) for one in found] == [
        ("contains", 2, 0.5),
        ("llm-rubric", 1, 0.0),
    ]


CELL = "row_id,cell,repeat,human\n"
REFUSED = [
    ("judged", "row_id,human\nz,pass\n", [], "labels.csv:2:1: error: run * has no row 'z'"),
    ("judged", "row,human\n9,pass\n", [], "labels.csv:2:1: error: run * has no row 9"),
    ("judged", "row_id,human\na,maybe\n", [], "labels.csv:2:3: error: the label must be pass or fail"),
    ("judged", "row_id,human\na,0.5\n", [], "labels.csv:2:3: error: the label '0.5' is a score*--threshold"),
    ("judged", "row_id,human\na,7\n", ["--threshold", "0.5"], "labels.csv:2:3: error: the label must be"),
    ("judged", "row_id,humna\na,pass\n", [], "no column `human`*did you mean 'humna'?"),
    ("judged", "human\npass\n", [], "no column `row_id`"),
    ("judged", "row,human\n-1,pass\n", [], "`row` must be a whole number from 0, not '-1'"),
    ("judged", "row_id,human\na,pass\na,pass\n", [], "labels.csv:3:1: error: row 'a' is labelled twice"),
    ("judged", "row_id,check,human\na,rubric,pass\n", [], "no check 'rubric'*did you mean 'llm-rubric'?"),
    ("judged", "row_id,human\na,pass\n", ["--check", "rubric"], "--check rubric: run * has no check"),
    ("judged", "row_id,human\n", [], "labels.csv: there is no label in it"),
    ("judged", "row_id,human\ne,pass\n", [], "no verdict of any answer that is labelled: say/llm-rubric err"),
    ("judged", "row_id,check,human\na,contains,pass\n", RUBRIC, "no label is of this check"),
    ("judged", "row_id,variant,human\na,loud,pass\n", [], "row 'a' was not run in 'loud'"),
    ("cells", LABELS, [], "row 'a' was run in several cells*say which in `cell`: plain, loud"),
    ("cells", CELL + "a,loud,,pass\n", [], "row 'a' was run several times*say which in `repeat`: 0, 1"),
    ("cells", CELL + "a,loud,2,pass\n", [], "row 'a' has no repeat 2*it has: 0, 1"),
    ("judges", LABELS, [], "several checks of run * asked a model*--check NAME*: say/llm-rubric, llm-rubric"),
]


@pytest.mark.parametrize(("pipeline", "labels", "options", "message"), REFUSED)
def test_labels_that_fit_nowhere_are_refused(
    reports: Reports, pipeline: str, labels: str, options: Sequence[str], message: str
) -> None:
    """
    Given labels with a fault,
    when the report is asked for,
    then the fault is told with its place, nothing is printed, and the exit code is 2.
    """
    said = reports(pipeline, labels, *options)

    assert (said.code, said.out) == (2, "")
    assert fnmatchcase(said.err, f"*{message}*"), said.err


def test_cells_and_repeats_are_told_apart(reports: Reports) -> None:
    """
    Given labels of two cells and repeats of a row,
    when the report is asked for,
    then each is held beside its own answer.
    """
    found = reports.only("cells", CELL + "a,loud,1,pass\na,plain,0,fail\n")

    assert (found["n"], found["agreement"]) == (2, 0.5)
    assert [(one["variant"], one["repeat"]) for one in found["disagreements"]] == [("plain", 0)]


def test_thumbs_of_the_web_page_are_labels(reports: Reports) -> None:
    """
    Given a run whose answers were rated on the web page, one of them as often up as down,
    when its report is asked for without a file, and with the file that `runs labels` wrote,
    then both hold the judge beside the thumbs, and the answer of which people are of two minds is left out.
    """
    run_id = reports.run_of("judged")
    with signed_in(create_app(server_settings(reports.root))) as client:
        for row, thumb, who in ((0, "up", "Ada"), (1, "down", "Ada"), (2, "up", "Ada"), (2, "down", "Bob")):
            said = {"thumb": thumb, "who": who}
            client.post(f"/api/runs/{run_id}/trials/{row}-0-0/ratings", json=said)
    command = ["--project", str(reports.root)]

    direct = reports.cli(*command, "judge-report", run_id, "--json")
    lines = reports.cli(*command, "runs", "labels", run_id, "--out", "said.csv")
    by_file = reports.cli(*command, "judge-report", run_id, "--human", "said.csv", "--json")

    (check,) = direct.json["checks"]
    assert check["confusion"] == {"pass": {"pass": 1, "fail": 1}, "fail": {"pass": 0, "fail": 0}}
    assert direct.json == by_file.json
    assert "1 trial without a label: as many thumbs up as down" in lines.err
    assert "nobody has rated an answer" in reports.cli(*command, "judge-report", reports.run_of("cells")).err


def test_files_that_hold_no_labels_are_refused(reports: Reports) -> None:
    """
    Given a file of another kind, one that is not there, and one that is not UTF-8,
    when the report is asked for,
    then the file is named.
    """
    (reports.cli.folder / "old.csv").write_bytes(b"row_id,human\n\xe4,pass\n")
    asked = ["--project", str(reports.root), "judge-report", "last", "--human"]

    errors = [reports.cli(*asked, name).err for name in ("labels.xlsx", "none.csv", "old.csv")]

    assert "labels.xlsx: labels are CSV or JSON lines" in errors[0]
    assert "none.csv: no such file or directory" in errors[1]
    assert "old.csv:2:1: error: the byte 0xE4 is not UTF-8" in errors[2]
