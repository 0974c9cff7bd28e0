"""The JSON Schema of pipelines, as editors use it."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from promptlab.engine.catalog import CHECKS, STEPS
from promptlab.loader.document import parse_yaml
from promptlab.loader.json_schema import pipeline_schema
from promptlab.loader.problems import Problems
from promptlab.loader.schema_file import committed_schema, keep_schema_file

ROOT = Path(__file__).parent.parent
COMMITTED = committed_schema()
EXAMPLES = sorted(ROOT.glob("pipelines/*.yaml"))
MINIMAL: dict[str, Any] = {"version": 1, "steps": [{"id": "a", "prompt": "prompts/a.j2"}]}


@cache
def validator() -> Draft202012Validator:
    return Draft202012Validator(pipeline_schema())


def faults(pipeline: object) -> list[str]:
    return [error.message for error in validator().iter_errors(pipeline)]


def test_the_schema_is_valid_and_says_no_reference_in_vain() -> None:
    """
    Given the schema,
    when it is held to the meta-schema and its references are followed,
    then it is one, and each definition is used and there.
    """
    schema = pipeline_schema()

    Draft202012Validator.check_schema(schema)
    text = json.dumps(schema)
    assert all(f'"#/$defs/{name}"' in text for name in schema["$defs"])  # type: ignore[union-attr]


def test_the_committed_schema_is_the_one_that_the_models_give() -> None:
    """
    Given the schema in docs/,
    when it is made anew by the command,
    then it is the same; `promptlab schema > docs/pipeline.schema.json` brings it up to date.
    """
    command = [sys.executable, "-m", "promptlab", "schema"]
    made = subprocess.run(command, cwd=COMMITTED.parent, capture_output=True, text=True, check=True)

    assert json.loads(made.stdout) == json.loads(COMMITTED.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_keeps_to_the_schema(path: Path) -> None:
    """
    Given an example pipeline,
    when it is held to the schema,
    then nothing is wrong with it.
    """
    document = parse_yaml(path.name, path.read_text(encoding="utf-8"), Problems())

    assert document is not None
    assert faults(document.value) == []


@pytest.mark.parametrize(
    "change",
    [
        {"name": "a", "tags": ["x"], "x-anchors": {"a": 1}},
        {"inputs": {"a": "string", "b": {"type": "integer", "default": 1}}},
        {"dataset": "data/a.csv"},
        {"dataset": [{"a": 1}]},
        {"dataset": {"path": "a.txt", "format": "csv"}},
        {"repeat": 3},
        {"repeat": {"count": 3, "pass": 0.5}},
        {"variants": {"a": {}, "b": None}, "matrix": {"params.seed": [1, 2]}},
        {"checks": ["is-json", {"contains": "x"}, {"type": "not-equals", "value": 1, "weight": 2}]},
        {"steps": [{"id": "a", "python": "t.py:f", "with": {"x": 1}, "output": {"schema": "s.json"}}]},
        {"steps": [{"id": "a", "messages": [{"role": "user", "content": "x"}], "output": "json"}]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_pipelines_may_say_is_accepted(change: dict[str, Any]) -> None:
    """
    Given a pipeline that uses a short or long form of a key,
    when it is held to the schema,
    then nothing is wrong with it.
    """
    assert faults({**MINIMAL, **change}) == []


@pytest.mark.parametrize(
    "change",
    [
        {"modle": "echo/echo"},
        {"version": 2},
        {"steps": []},
        {"steps": [{"id": "a"}]},
        {"steps": [{"id": "a", "prompt": "a.j2", "foreach": "x"}]},
        {"steps": [{"id": "a b", "prompt": "a.j2"}]},
        {"checks": ["is-jsn"]},
        {"checks": [{"contains": "x", "weight": 2}]},
        {"checks": [{"type": "contains", "value": "x", "wieght": 2}]},
        {"gates": [{"metric": "pass_rate", "against": 1}]},
        {"params": {"temprature": 1}},
        {"inputs": {"a": "strin"}},
    ],
    ids=str,
)
def test_what_pipelines_may_not_say_is_refused(change: dict[str, Any]) -> None:
    """
    Given a pipeline with an unknown key or kind, or a value that cannot be,
    when it is held to the schema,
    then it is refused.
    """
    assert faults({**MINIMAL, **change}) != []


def test_every_kind_of_step_and_check_is_in_the_schema() -> None:
    """
    Given the tables of kinds,
    when the schema is made,
    then it knows each by its name.
    """
    definitions: Any = pipeline_schema()["$defs"]

    assert len(definitions["Step"]["anyOf"]) == len(STEPS.names())
    assert set(definitions["Check"]["anyOf"][0]["enum"]) == {
        word for name in CHECKS.names() for word in (name, f"not-{name}")
    }


def test_the_schema_file_is_written_where_it_is_missing_or_old(tmp_path: Path) -> None:
    """
    Given a project whose schema file is missing, and then one that is old,
    when the file is kept,
    then each time the schema of this version is there, which git does not see.
    """
    (tmp_path / "pipelines").mkdir()
    path = tmp_path / ".promptlab" / "pipeline.schema.json"

    keep_schema_file(tmp_path)
    first = json.loads(path.read_text(encoding="utf-8"))
    path.write_text("{}", encoding="utf-8")
    keep_schema_file(tmp_path)
    second = json.loads(path.read_text(encoding="utf-8"))

    assert first == second
    assert {**first, "$comment": ""} == {**pipeline_schema(), "$comment": ""}
    assert (tmp_path / ".promptlab" / ".gitignore").read_text(encoding="utf-8") == "*\n"
    assert sorted(file.name for file in path.parent.iterdir()) == [".gitignore", path.name]


@pytest.mark.thorough
def test_the_kinds_of_another_package_are_in_the_schema_file(tmp_path: Path) -> None:
    """
    Given a package that brings a check (a process of its own, as kinds are looked up once in each),
    when the schema file of a project is kept,
    then the check is in it, beside those that are committed.
    """
    (tmp_path / "project" / "pipelines").mkdir(parents=True)
    metadata = tmp_path / "shouting-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: shouting\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[promptlab.checks]\nshouting = shouting:Shouting\n")
    (tmp_path / "shouting.py").write_text(
        "from promptlab.engine.checks.equals import Equals\nclass Shouting(Equals): pass\n"
    )
    keep = "import pathlib, promptlab.loader.schema_file as file; file.keep_schema_file(pathlib.Path())"
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])

    subprocess.run(
        [sys.executable, "-c", keep], cwd=tmp_path / "project", env={"PYTHONPATH": path}, check=True
    )

    written = json.loads((tmp_path / "project" / ".promptlab" / "pipeline.schema.json").read_text())
    words = written["$defs"]["Check"]["anyOf"][0]["enum"]
    assert {"shouting", "not-shouting", "equals"} <= set(words)


def test_a_current_schema_file_is_left_alone(tmp_path: Path) -> None:
    """
    Given a schema file of this version,
    when the file is kept,
    then it is not written again.
    """
    (tmp_path / "promptlab.yaml").write_text("version: 1\n", encoding="utf-8")
    keep_schema_file(tmp_path)
    before = (tmp_path / ".promptlab" / "pipeline.schema.json").stat().st_mtime_ns

    keep_schema_file(tmp_path)

    assert (tmp_path / ".promptlab" / "pipeline.schema.json").stat().st_mtime_ns == before


def test_no_schema_file_is_written_where_there_is_no_project(tmp_path: Path) -> None:
    """
    Given a folder that is no project, and one where a file stands in the way,
    when the file is kept,
    then nothing is written, and nothing is said of it.
    """
    blocked = tmp_path / "blocked"
    (blocked / "pipelines").mkdir(parents=True)
    (blocked / ".promptlab").write_text("in the way", encoding="utf-8")

    keep_schema_file(tmp_path)
    keep_schema_file(blocked)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["blocked"]
