"""Baselines: written from whole runs for review in git, read strictly, and what gates are held against."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from promptlab.cli.boundary import run
from promptlab.loader.baseline import baseline_text, read_baseline
from promptlab.loader.problems import Problems
from promptlab.loader.sources import Memory
from promptlab.schemas.baseline import Baseline
from tests.cli_kit import Cli, Said, write_project

WORDS = ("a", "b", "c", "d", "e", "f", "g")
PIPELINE = """\
version: 1
name: spoken-words
model: echo/echo
inputs: {word: string}
dataset: data/rows.jsonl
repeat: 3
steps:
  - {id: say, messages: [{role: user, content: "{{ word }}"}], checks: [{equals: "{{ word }}"}]}
"""
GATED = f"{PIPELINE}gates: [{{metric: pass_rate, against: baseline}}]\n"
WORSE = GATED.replace('content: "{{ word }}"', 'content: "{{ word }}!"')
PATH = "baselines/spoken-words.json"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose one pipeline was run once."""
    root = tmp_path_factory.mktemp("baselines")
    write_project(root, words=PIPELINE)
    write_rows(root, WORDS)
    assert run(["--project", str(root), "run", "words"]) == 0
    return root


@pytest.fixture
def words(cli: Cli, project: Path) -> Cli:
    """Stand in a copy of that project."""
    shutil.copytree(project, cli.folder, dirs_exist_ok=True)
    return cli


def write_rows(root: Path, named: tuple[str, ...]) -> None:
    (root / "data").mkdir(exist_ok=True)
    lines = (json.dumps({"id": f"r-{word}", "word": word}) + "\n" for word in named)
    (root / "data" / "rows.jsonl").write_text("".join(lines))


def baseline(cli: Cli) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((cli.folder / PATH).read_text())
    return found


def gate(said: Said) -> tuple[int, str, str]:
    """Give the exit code, the status of the one gate, and its reason."""
    (found,) = said.json["gates"]
    return said.code, found["status"], found["reason"]


def test_a_baseline_is_written_from_the_newest_whole_run(words: Cli) -> None:
    """
    Given a whole run, and newer ones of a part of the rows or of something else than the files say,
    when the baseline is written,
    then it is of the whole run, with a line for each row, sorted.
    """
    whole = words("runs", "list", "--json").json["runs"][0]["run_id"]
    for narrowed in (["--limit", "2"], ["-i", "word=x"], ["--where", "word == 'a'"], ["--repeat", "1"]):
        assert words("run", "words", *narrowed).code == 0

    said = words("baseline", "update", "words")

    lines = (words.folder / PATH).read_text().split("\n")
    assert said.code == 0
    assert said.out == f"{PATH}: written from run {whole}, 7 rows in 1 cell\n"
    assert (baseline(words)["run"], baseline(words)["pipeline"]) == (whole, "spoken-words")
    assert [line.split(":")[0].strip() for line in lines[6:13]] == [f'"r-{word}"' for word in WORDS]
    assert '"pass_rate": 1.0' in lines[6]


def test_an_update_says_what_moved(words: Cli) -> None:
    """
    Given a baseline, and a newer run that is worse and lacks a row,
    when the baseline is updated,
    then it says what differs from the file that was there; once more, that nothing does.
    """
    words("baseline", "update", "words")
    words.write(words=PIPELINE.replace('content: "{{ word }}"', 'content: "{{ word }}!"'))
    write_rows(words.folder, WORDS[1:])
    words("run", "words")

    first = words("baseline", "update")
    again = words("baseline", "update", "--json").json

    assert "pass rate 100.0 % 0.0 % -100.0" in " ".join(first.out.split())
    assert "6 rows at both sides; 1 only in A: r-a" in first.out
    assert [(one["path"], one["status"]) for one in again["baselines"]] == [(PATH, "unchanged")]


def test_means_are_kept_in_full() -> None:
    """
    Given means that are thirds, and ids of any letters,
    when a baseline is written and read,
    then it is the same.
    """
    cells = {
        "base": {"é\u2028\x7f": {"pass_rate": 1 / 3, "cost_usd": 1e-9}, "b": {"pass_rate": 2 / 3}},
        "few": {},
    }
    made = Baseline(version=1, pipeline="p", run="r", cells=cells)
    text, problems = baseline_text(made), Problems()

    found = read_baseline(Memory({"baselines/p.json": text.encode()}), "p", problems)

    assert (found, len(problems)) == (made, 0)
    assert text.isascii() or text.replace("é", "").replace("\n", "").isprintable()


HEAD = '{"version": 1, "pipeline": "p",\n "cells": '


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (HEAD + '{"base": {"r": {"pass_rate": 2}}}}', "2:40: cells.base.r: pass_rate lies between 0 and 1"),
        (HEAD + '{"base": {"r": {"pass_rate": true}}}}', "2:40: cells.base.r.pass_rate must be a number"),
        (HEAD + '{"base": {"r": {"x": NaN}}}}', "2:32: NaN"),
        (HEAD + '{"base": {"r": {}, "r": {}}}}', "2:30: duplicate key"),
        (HEAD + '{}, "row": 1}', "2:15: unknown key 'row'"),
        ('{"version": 2, "pipeline": "p", "cells": {}}', "1:13: version must be 1"),
        ('{"version": 1, "pipeline": "p"}', "1:1: the key 'cells' is missing"),
        ('{"version": 1, "pipeline": "q", "cells": {}}', "1:1: this is the baseline of 'q', not of 'p'"),
        ("<<<<<<< ours", "1:1: "),
        ("", "1:1: "),
    ],
)
def test_baselines_are_read_strictly(text: str, problem: str) -> None:
    """
    Given a file that is no baseline,
    when it is read,
    then the problem is told at its place.
    """
    problems = Problems()

    found = read_baseline(Memory({"baselines/p.json": text.encode()}), "p", problems)

    (told,) = problems
    assert found is None
    assert f"{told.line}:{told.column}: {told.message}".startswith(problem)


def test_a_run_is_held_against_the_baseline(words: Cli) -> None:
    """
    Given a gate against a baseline,
    when the pipeline is run without one, with one, and after an edit that makes every row worse,
    then the gate cannot say (and names the command), passes, and fails; `check` of the run agrees.
    """
    words.write(words=GATED)

    missing = gate(words("run", "words", "--json"))
    words("baseline", "update", "words")
    same = gate(words("run", "words", "--json"))
    words.write(words=WORSE)
    worse = gate(words("run", "words", "--json"))
    checked = gate(words("check", "last", "--json"))

    assert missing[:2] == (0, "inconclusive")
    assert f"there is no {PATH} yet; `promptlab baseline update pipelines/words.yaml` writes it" in missing[2]
    assert same == (0, "passed", "pass_rate is 1 as before, on 7 rows; a drop of 0.71 would be noticed")
    assert worse[:2] == (1, "failed")
    assert checked == worse


def test_a_baseline_is_no_source_of_a_run(words: Cli) -> None:
    """
    Given a run that stopped at its first failure, and a baseline that was written after that,
    when it is resumed,
    then nothing is refused, and it is held against the baseline as that is now.
    """
    words("baseline", "update", "words")
    kept = (words.folder / PATH).read_text()
    words.write(words=WORSE)
    words("run", "words", "--fail-fast")
    (words.folder / PATH).write_text(kept.replace('"pass_rate": 1.0', '"pass_rate": 0.0'))

    resumed = gate(words("resume", "last", "--json"))

    assert resumed[:2] == (0, "passed")


def test_validate_reads_a_baseline_that_a_gate_names(words: Cli) -> None:
    """
    Given a broken baseline,
    when files are validated with and without a gate that names it, and by its own name,
    then it is a problem where somebody asks for it.
    """
    words("baseline", "update", "words")
    text = (words.folder / PATH).read_text()
    (words.folder / PATH).write_text(text.replace('"pass_rate": 1.0', '"pass_rate": "1.0"', 1))

    ungated, alone = words("validate"), words("validate", PATH)
    words.write(words=GATED)
    gated, ran, shown = words("validate"), words("run", "words"), words("baseline", "show")

    assert (ungated.code, alone.code, gated.code, ran.code, shown.code) == (0, 2, 2, 2, 2)
    assert all(f"{PATH}:7:" in said.out + said.err for said in (alone, gated, ran, shown))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["update"], "no pipeline has a gate `against: baseline`, or a baseline"),
        (["update", "wrods"], "there is no pipeline 'wrods'"),
        (["update", "other"], "pipelines/other.yaml was never run"),
        (["update", "other", "--run", "last"], "is of pipelines/words.yaml"),
        (["show", "words"], f"there is no {PATH}"),
    ],
)
def test_baselines_that_cannot_be_made_are_refused(words: Cli, arguments: list[str], message: str) -> None:
    """
    Given a pipeline that was run, and one that was not,
    when a baseline is asked for that cannot be,
    then it is said why, and nothing is written.
    """
    words.write(other=PIPELINE.replace("spoken-words", "other"))

    said = words("baseline", *arguments)

    assert (said.code, said.out) == (2, "")
    assert message in said.err
    assert not (words.folder / "baselines").exists()


def test_runs_that_are_not_whole_are_said_to_be(words: Cli) -> None:
    """
    Given a pipeline whose only run of this name was narrowed,
    when its baseline is written, and written from that very run,
    then the first is refused with the reason, and the second says it.
    """
    words.write(part=PIPELINE.replace("spoken-words", "part"))
    words("run", "part", "--limit", "2")

    refused = words("baseline", "update", "part")
    said = words("baseline", "update", "--run", "last")

    assert refused.code == 2
    assert "was run with --limit" in refused.err
    assert said.code == 0
    assert "was run with --limit" in said.err


def test_baselines_are_shown(words: Cli) -> None:
    """
    Given a baseline,
    when it is shown, and as JSON,
    then there are the means of each metric in each cell.
    """
    words("baseline", "update", "words")

    told, (found,) = words("baseline", "show").out, words("baseline", "show", "--json").json["baselines"]

    assert "100.0 %" in told
    assert (found["path"], found["cells"]["base"]["rows"]) == (PATH, 7)
    assert found["cells"]["base"]["metrics"]["pass_rate"] == 1.0
