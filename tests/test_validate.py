"""`promptlab validate`: what it checks, how it says it, how it ends."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from promptlab.cli.boundary import run

PIPELINE = """version: 1
model: openai/gpt-4o-mini
inputs: {ticket: string}
dataset: data/tickets.csv
steps:
  - id: classify
    prompt: prompts/classify.j2
    output: {schema: data/answer.json}
  - id: clean
    python: tools/clean.py:clean
    with: {answer: "{{ classify.output }}"}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A sound project with a pipeline that names one file of each kind."""
    contents = {
        "promptlab.yaml": "version: 1\n",
        "pipelines/triage.yaml": PIPELINE,
        "prompts/classify.j2": "---\ndescription: x\n---\n{{ ticket }}\n",
        "data/tickets.csv": "ticket,label\nhello,a\n",
        "data/answer.json": '{"type": "object"}',
        "tools/clean.py": "raise SystemExit('run')\ndef clean(answer): ...\n",
    }
    for name, text in contents.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@dataclass(frozen=True, slots=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


type Validate = Callable[..., Done]


@pytest.fixture
def validate(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Validate:
    """Run the command in a folder, without any key."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    def run_in(folder: Path, *arguments: str | bytes) -> Done:
        monkeypatch.chdir(folder)
        code = run(["validate", *map(os.fsdecode, arguments)])
        return Done(code, *capsys.readouterr())

    return run_in


def test_all_pipelines_are_checked_without_a_key_and_without_running_code(
    validate: Validate, project: Path
) -> None:
    """
    Given a sound project whose model needs a key,
    when everything is validated,
    then each pipeline is ok, and the schema for editors is there.
    """
    done = validate(project)

    assert (done.returncode, done.stdout) == (0, "pipelines/triage.yaml: ok (1 row)\n")
    assert done.stderr == "1 file, 0 problems\n"
    assert (project / ".promptlab" / "pipeline.schema.json").is_file()


@pytest.mark.parametrize(
    "name", ["prompts/classify.j2", "data/tickets.csv", "data/answer.json", "tools/clean.py"]
)
def test_a_file_is_checked_against_the_pipelines_that_use_it(
    validate: Validate, project: Path, name: str
) -> None:
    """
    Given a file that a pipeline names,
    when it is validated alone,
    then the pipeline is checked with it.
    """
    (project / "pipelines" / "other.yaml").write_text("version: 3\n", encoding="utf-8")

    done = validate(project, name)

    assert (done.returncode, done.stdout) == (0, f"{name}: ok (used by pipelines/triage.yaml)\n")


def test_a_template_is_held_to_the_inputs_of_its_pipeline(validate: Validate, project: Path) -> None:
    """
    Given a template that names what its pipeline has not,
    when it is validated from a folder below the root,
    then the name is told at its place in the template.
    """
    (project / "prompts" / "classify.j2").write_text("---\ndescription: x\n---\n{{ tiket }}\n", "utf-8")

    done = validate(project / "prompts", "classify.j2")

    assert done.returncode == 2
    assert done.stdout.splitlines()[0] == "prompts/classify.j2:4:4: error: 'tiket' is not defined"
    assert "did you mean 'ticket'?" in done.stdout


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("a.j2", "---\ninputs: {x: string}\n---\n{{ x }} {{ y }}", "a.j2:4:12: error: 'y' is not defined"),
        ("a.md", "{{ 1 / 0 }}", "a.md:1:1: error: division by zero"),
        ("a.txt", "", "a.txt:1:1: error: "),
        ("a.csv", "x,y\n1\n", "a.csv:2:"),
        ("a.jsonl", '{"x": 1}\n{"y": 1}\n', "a.jsonl:2:"),
        ("a.jsonl", '{"x": null}\n', "a.jsonl:1:"),
        ("a.json", '[{"a b": 1}]', "a.json:1:"),
        ("a.yaml", "version: 1\nsteps: []\n", "a.yaml:2:8: error: steps: needs at least one item"),
        ("a.exe", "x", "a.exe:1:1: error: no pipeline uses 'a.exe', and it is none"),
    ],
)
def test_a_file_that_no_pipeline_uses_is_checked_by_itself(
    validate: Validate, tmp_path: Path, name: str, text: str, problem: str
) -> None:
    """
    Given a file outside of any project with something wrong in it,
    when it is validated,
    then that is told, and nothing is written beside it.
    """
    (tmp_path / name).write_text(text, encoding="utf-8")

    done = validate(tmp_path, str(tmp_path / name))

    assert done.returncode == 2
    assert done.stdout.startswith(problem), done.stdout
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_yaml_that_a_pipeline_names_as_data_is_no_pipeline(validate: Validate, project: Path) -> None:
    """
    Given a YAML file beside the pipelines that one of them reads its rows from,
    when all, and when that file, are validated,
    then it counts as data.
    """
    (project / "pipelines" / "rows.yaml").write_text("- {ticket: hello}\n", encoding="utf-8")
    text = PIPELINE.replace("data/tickets.csv", "pipelines/rows.yaml")
    (project / "pipelines" / "triage.yaml").write_text(text, encoding="utf-8")

    everything, alone = validate(project), validate(project, "pipelines/rows.yaml")

    assert everything.stdout == "pipelines/triage.yaml: ok (1 row)\n"
    assert alone.stdout == "pipelines/rows.yaml: ok (used by pipelines/triage.yaml)\n"


def test_settings_are_checked_in_every_format(validate: Validate, project: Path) -> None:
    """
    Given a promptlab.yaml with an unknown key,
    when the project is validated as text, JSON, GitHub's annotations and SARIF,
    then each tells it on stdout.
    """
    (project / "promptlab.yaml").write_text("version: 1\nmodle: a/b\n", encoding="utf-8")

    done = {form: validate(project, "--format", form) for form in ("text", "json", "github", "sarif")}

    assert {one.returncode for one in done.values()} == {2}
    assert done["text"].stdout.startswith("promptlab.yaml:2:1: error: unknown key 'modle'")
    assert json.loads(done["json"].stdout)["problems"][0]["code"] == "unknown-key"
    assert done["github"].stdout.startswith("::error file=promptlab.yaml,line=2,col=1,")
    result = json.loads(done["sarif"].stdout)["runs"][0]["results"][0]
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 2, "startColumn": 1}


@pytest.mark.parametrize("key", ["hunter2", "sk-proj-AAAAAAAAAAAAAAAA"])
def test_a_key_in_the_settings_is_refused_with_the_reason_and_not_shown(
    validate: Validate, project: Path, key: str
) -> None:
    """
    Given settings with a literal key, and a fault behind it in the same line,
    when they are checked,
    then it is said what to do instead, the key is not shown, and each caret stands below something.
    """
    settings = f"version: 1\nproviders: {{token: {{api_key: {key}, foo: 1}}}}\n"
    (project / "promptlab.yaml").write_text(settings, encoding="utf-8")

    done = validate(project, "promptlab.yaml")

    assert "api_key is refused: a key does not belong into a file; say ${NAME} and export NAME" in done.stdout
    assert key not in done.stdout + done.stderr
    lines = done.stdout.splitlines()
    carets = [index for index, line in enumerate(lines) if "^" in line]
    assert len(carets) == 2
    assert all(len(lines[index]) <= len(lines[index - 1]) for index in carets)


def test_several_files_are_told_together(validate: Validate, project: Path) -> None:
    """
    Given a sound file, one that is missing and one with two problems,
    when they are validated together,
    then all problems are told, and what is sound is said to be.
    """
    (project / "bad.csv").write_text("a,a\n1\n", encoding="utf-8")

    done = validate(project, "promptlab.yaml", "nope.csv", "bad.csv")

    assert done.returncode == 2
    assert done.stdout.startswith("promptlab.yaml: ok (settings)\nbad.csv:1:")
    assert "nope.csv:1:1: error: there is no file 'nope.csv'" in done.stdout
    assert done.stderr.startswith("3 files, ")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("nope.yaml", "nope.yaml:1:1: error: there is no file 'nope.yaml'"),
        ("data", "data:1:1: error: 'data' is a folder, not a file"),
        ("loop.yaml", "loop.yaml:1:1: error: 'loop.yaml' is a link that leads to itself"),
        ("a\nb\x1b[2J.yaml", r"a\u000ab\u001b[2J.yaml:1:1: error: "),
        (b"\xff\xfe.csv", r"\udcff\udcfe.csv:1:1: error: "),
        ("x" * 5000, "xxx"),
        ("../nope.yaml", "../nope.yaml:1:1: error: "),
        (".hidden.yaml", ".hidden.yaml:1:1: error: "),
    ],
    ids=["missing", "folder", "loop", "escapes", "bytes", "long", "outside", "hidden"],
)
def test_a_path_that_cannot_be_read_is_told_escaped(
    validate: Validate, project: Path, name: str | bytes, shown: str
) -> None:
    """
    Given a path that is missing, a folder, a loop of links, or not fit to be shown,
    when it is validated,
    then it is told, escaped, with exit code 2.
    """
    (project / "loop.yaml").symlink_to("loop.yaml")

    done = validate(project, "--", name)

    assert (done.returncode, done.stdout.startswith(shown)) == (2, True), done
    assert "\x1b" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_told(validate: Validate, project: Path) -> None:
    """
    Given a pipeline that nobody may read,
    when it is validated,
    then it is told with exit code 2.
    """
    (project / "pipelines" / "triage.yaml").chmod(0)

    done = validate(project, "pipelines/triage.yaml")

    assert (done.returncode, "permission denied" in done.stdout) == (2, True)


def test_a_file_of_100_mb_is_refused_by_its_size(validate: Validate, project: Path) -> None:
    """
    Given a pipeline of 100 MB,
    when it is validated,
    then it is refused before it is read.
    """
    with (project / "big.yaml").open("wb") as file:
        file.truncate(100 * 2**20)

    done = validate(project, "big.yaml")

    assert (done.returncode, done.stdout.splitlines()[0]) == (
        2,
        "big.yaml:1:1: error: 'big.yaml' is larger than 10 MB",
    )


@pytest.mark.parametrize(("form", "mark"), [("text", ": error: "), ("json", '"code": "undefined"')])
def test_all_problems_are_listed(validate: Validate, project: Path, form: str, mark: str) -> None:
    """
    Given a template with 119 names that there are not,
    when it is validated,
    then each of them is told, and none is left to a number.
    """
    (project / "prompts/classify.j2").write_text("".join(f"{{{{ nobody{n} }}}}\n" for n in range(119)))

    done = validate(project, "--format", form)

    assert done.stdout.count(mark) == 119
    assert "119 problems" in done.stderr


def test_there_must_be_something_to_validate(validate: Validate, tmp_path: Path) -> None:
    """
    Given an empty folder,
    when everything is validated,
    then it is told how to begin.
    """
    done = validate(tmp_path)

    assert (done.returncode, "promptlab init" in done.stderr) == (2, True)


def test_validating_a_pipeline_imports_no_server_database_or_sdk(project: Path) -> None:
    """
    Given a pipeline,
    when it is validated,
    then nothing heavy that it does not need was imported.
    """
    heavy = ("sqlalchemy", "fastapi", "rich", "openai", "anthropic", "aiohttp", "alembic")
    script = (
        "import sys\nfrom promptlab.cli.boundary import run\n"
        "run(['validate', 'pipelines/triage.yaml'])\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stdout.splitlines()[-1] == "[]", done
