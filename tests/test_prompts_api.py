"""Prompts as programs read them over HTTP: now, in git, and as runs used them."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from promptlab.main import create_app
from promptlab.schemas.api.base import Answer
from promptlab.schemas.api.prompts import (
    DIFF,
    VERSIONS,
    WHOLE,
    PromptDiffAnswer,
    PromptList,
    PromptVersionList,
    PromptVersionText,
    WholePrompt,
)
from promptlab.schemas.log import SourceFile
from tests.affected_kit import Repository
from tests.look_kit import ended, recorded, trial
from tests.run_log_kit import START, log_in
from tests.serving_kit import server_settings, signed_in

FIRST = "---\ndescription: Ask.\n---\n{% include 'part.j2' %}\nSay {{ word }}.\n"
SECOND = FIRST.replace("Say", "Please say")
WORKING = SECOND.replace("word", "wrod")
KEY = "sk-live-0123456789abcdef"
LOST = "Only runs {{ know }} this.\n"
PIPELINE = """\
version: 1
name: asking
model: echo/echo
inputs: {word: string}
dataset: [{word: a, prompt: prompts/part.j2}]
variants: {base: {}, other: {steps: {ask: {prompt: prompts/spare.md}}}}
steps:
  - id: ask
    prompt: ./prompts/ask.j2
    checks: [{contains: a}]
"""
FILES = {
    "promptlab.yaml": "version: 1\n",
    "pipelines/one.yaml": PIPELINE,
    "pipelines/broken.yaml": "steps: [{id: lone, prompt: prompts/part.j2}]\n",
    "prompts/ask.j2": FIRST,
    "prompts/part.j2": "{# a part #}\n",
    "prompts/gone.j2": "It was {{ here }}.\n",
    "prompts/deep/er/spare.md": f"token: {KEY}\n",
    "prompts/spare.md": "{{ word }}\n",
    "notes.md": "no prompt\n",
}


def hash_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Prompts:
    """A client of a project with a history; `commits`, the oldest first."""

    client: TestClient
    repository: Repository
    commits: list[str]
    runs: list[str]

    def get(self, path: str = "", expected: int = 200, **params: Any) -> Any:
        answer = self.client.get(f"/api/prompts{path}", params=params or None)
        assert (answer.status_code, answer.text[:500]) == (expected, answer.text[:500])
        return answer.json()


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prompts]:
    repository = Repository(tmp_path_factory.mktemp("prompts"), "lab").start(FILES)
    commits = [repository.git("rev-parse", "HEAD")]
    repository.write("prompts/ask.j2", SECOND)
    (repository.project / "prompts" / "gone.j2").unlink()
    commits.append(repository.commit())
    repository.write("prompts/ask.j2", WORKING)
    runs = asyncio.run(_runs(repository.project, commits))
    with signed_in(create_app(server_settings(repository.project, rate=1e6))) as client:
        yield Prompts(client, repository, commits, runs)


async def _runs(root: Path, commits: list[str]) -> list[str]:
    """Record two runs of the first text, and one of the second."""
    used = ((FIRST, commits[0]), (FIRST, commits[1]), (SECOND, commits[1]))
    with log_in(root) as log:
        return [await recorded(log, _start(text, commit), [trial(0)], ended()) for text, commit in used]


def _start(text: str, commit: str) -> Any:
    files = {"prompts/ask.j2": text, "prompts/lost.j2": LOST}
    sources = tuple(SourceFile(path, "prompt", content.encode()) for path, content in files.items())
    return replace(START, pipeline="asking", git_commit=commit, files=(*sources, *START.files))


def test_prompts_are_listed_with_what_uses_them(prompts: Prompts) -> None:
    """
    Given templates that steps, a variant and other templates name,
    when they are listed,
    then each is there with the steps that use it, also through others; rows of data name none.
    """
    listed = {one["name"]: one for one in prompts.get()["prompts"]}

    uses = {
        name: [(use["pipeline"], use["step"], use["through"]) for use in one["users"]]
        for name, one in listed.items()
    }
    assert uses == {
        "ask.j2": [("asking", "ask", None)],
        "deep/er/spare.md": [],
        "part.j2": [("broken", "lone", None), ("asking", "ask", "prompts/ask.j2")],
        "spare.md": [("asking", "ask", None)],
    }
    assert listed["ask.j2"]["front_matter"] == {"description": "Ask."}
    assert listed["ask.j2"]["includes"] == ["prompts/part.j2"]
    assert listed["part.j2"]["included_by"] == ["prompts/ask.j2"]


def test_a_prompt_is_read_with_its_problems(prompts: Prompts) -> None:
    """
    Given a prompt with a slip,
    when it is read by its name and by its path,
    then its text comes with where it slips, and not again to who has it.
    """
    read = prompts.get("/ask.j2")
    known = prompts.client.get("/api/prompts/ask.j2").headers["etag"]
    again = prompts.client.get("/api/prompts/ask.j2", headers={"If-None-Match": known})

    (problem,) = read["problems"]
    assert problem["file"].endswith("prompts/ask.j2")
    assert (problem["line"], problem["hint"]) == (5, "did you mean 'word'?")
    assert (read["text"], read["hash"]) == (WORKING, hash_of(WORKING))
    assert prompts.get("/prompts%2Fask.j2") == read
    assert (again.status_code, again.content) == (304, b"")


def test_no_secret_of_a_prompt_is_told(prompts: Prompts) -> None:
    """
    Given a prompt into which someone wrote a key,
    when it is read, now and as it was,
    then the key is not in the answers.
    """
    texts = [prompts.get(f"/deep/er/spare.md{way}")["text"] for way in ("", "/versions/HEAD")]

    assert KEY not in str(texts)


def test_versions_are_told_by_git_and_by_use(prompts: Prompts) -> None:
    """
    Given a prompt that two commits changed, and of which runs used two texts,
    when its versions are listed,
    then both lists are there, the newest first, and hashes join them.
    """
    told = prompts.get("/ask.j2/versions")

    commits = [(one["commit"], one["change"], one["subject"], one["hash"]) for one in told["commits"]]
    uses = [(one["hash"], one["runs"], one["first_run"], one["last_run"]) for one in told["uses"]]
    first, second, third = prompts.runs
    assert commits == [
        (prompts.commits[1], "changed", "Change", hash_of(SECOND)),
        (prompts.commits[0], "added", "Change", hash_of(FIRST)),
    ]
    assert uses == [(hash_of(SECOND), 1, third, third), (hash_of(FIRST), 2, first, second)]
    assert told["uses"][1]["commits"] == prompts.commits
    assert told["uses"][1]["pipelines"] == ["asking"]
    assert told["working"] == hash_of(WORKING)


def test_versions_come_in_pages(prompts: Prompts) -> None:
    """
    Given a prompt with two commits and two texts that runs used,
    when pages of one are asked for,
    then the second holds what the first does not, and is the last.
    """
    whole = prompts.get("/ask.j2/versions")
    first = prompts.get("/ask.j2/versions", limit=1)
    after = {"after_commit": first["next_commit"], "after_use": first["next_use"]}
    second = prompts.get("/ask.j2/versions", limit=1, **after)

    assert first["commits"] + second["commits"] == whole["commits"]
    assert first["uses"] + second["uses"] == whole["uses"]
    assert (second["next_commit"], second["next_use"]) == (None, None)


@pytest.mark.parametrize(
    ("name", "text"), [("gone.j2", FILES["prompts/gone.j2"]), ("lost.j2", LOST)], ids=["git", "log"]
)
def test_a_prompt_that_is_gone_still_has_versions(prompts: Prompts, name: str, text: str) -> None:
    """
    Given a prompt that git, or the log alone, knows,
    when it is read, and its versions are,
    then it is not there, but how it was is.
    """
    told = prompts.get(f"/{name}/versions")

    last = told["uses"][0]["hash"] if told["uses"] else told["commits"][1]["commit"]
    assert prompts.get(f"/{name}/versions/{last}")["text"] == text
    assert told["working"] is None
    assert [one["change"] for one in told["commits"]] in (["deleted", "added"], [])
    prompts.get(f"/{name}", expected=404)


def test_what_changed_between_versions_is_told(prompts: Prompts) -> None:
    """
    Given a prompt as it was in a commit, as runs used it, and as it is,
    when they are compared,
    then the lines that differ are told, in hunks and as people read differences.
    """
    by_use = prompts.get(f"/ask.j2/diff?from={hash_of(FIRST)}&to={prompts.commits[1][:12]}")
    to_disk = prompts.get("/ask.j2/diff?from=main")
    same = prompts.get(f"/ask.j2/diff?from={hash_of(SECOND)}&to=HEAD")

    (hunk,) = by_use["hunks"]
    changed = [(line["kind"], line["text"]) for line in hunk["lines"] if line["kind"] != "same"]
    assert changed == [("removed", "Say {{ word }}."), ("added", "Please say {{ word }}.")]
    assert (hunk["before_line"], hunk["before_lines"]) == (2, 4)
    assert to_disk["unified"].endswith("-Please say {{ word }}.\n+Please say {{ wrod }}.\n")
    assert to_disk["after"] == {"version": "working", "hash": hash_of(WORKING)}
    assert (same["unified"], same["hunks"]) == ("", [])


@pytest.mark.parametrize(
    "name",
    [
        "nope.j2",
        "..%2F..%2Fetc%2Fpasswd",
        "%2Fetc%2Fpasswd",
        "..%5cx.j2",
        "a%00b.j2",
        "promptlab.yaml",
        "prompts%2F..%2Fpromptlab.yaml",
        "pipelines%2Ftriage.yaml",
        "notes.md",
        ".git%2Fconfig",
        ":(top)x.j2",
        "-p.j2",
        "*.j2",
    ],
)
def test_what_is_no_prompt_is_a_404(prompts: Prompts, name: str) -> None:
    """
    Given names and paths of which none is a prompt's,
    when they are asked for,
    then there is none, wherever a path would lead.
    """
    routes = ("", "/versions", "/versions/HEAD", "/diff?from=HEAD")

    answers = [prompts.client.get(f"/api/prompts/{name}{route}") for route in routes]

    assert {answer.status_code for answer in answers} == {404}


@pytest.mark.parametrize(
    ("route", "status"),
    [
        ("/versions/HEAD:x", 422),
        ("/versions/--all", 422),
        ("/versions/nope", 422),
        (f"/versions/{'0' * 64}", 422),
        ("/versions?after_commit=x", 422),
        ("/versions?limit=0", 422),
        ("/diff", 422),
        ("/diff?from=HEAD&to=:/Change", 422),
        ("/diff?from=HEAD&paths=x", 422),
    ],
)
def test_what_is_no_version_is_a_problem(prompts: Prompts, route: str, status: int) -> None:
    """
    Given a prompt,
    when versions are asked for that it has not, or that cannot be meant,
    then the answer is a problem that says so.
    """
    problem = prompts.get(f"/ask.j2{route}", expected=status)

    assert problem["detail"]


def test_without_git_there_are_versions_by_use_alone(client: TestClient, tmp_path: Path) -> None:
    """
    Given a project that is in no repository,
    when the versions of a prompt are asked for,
    then no commit is told, and nothing is wrong.
    """
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "new.j2").write_text("{{ word }}")

    told = client.get("/api/prompts/new.j2/versions").json()

    assert (told["commits"], told["uses"], told["working"]) == ([], [], hash_of("{{ word }}"))


BODIES: dict[str, type[Answer]] = {
    "": PromptList,
    "/ask.j2": WholePrompt,
    "/ask.j2/versions": PromptVersionList,
    "/ask.j2/versions/HEAD": PromptVersionText,
    "/ask.j2/diff?from=HEAD": PromptDiffAnswer,
}


def test_answers_are_as_described(prompts: Prompts) -> None:
    """
    Given the bodies that the API describes,
    when prompts are asked for,
    then each answer is one of them, and so is each example.
    """
    answers = {route: prompts.client.get(f"/api/prompts{route}").text for route in BODIES}

    for route, body in BODIES.items():
        assert body.model_validate_json(answers[route])
    for body, example in ((WholePrompt, WHOLE), (PromptVersionList, VERSIONS), (PromptDiffAnswer, DIFF)):
        assert body.model_validate(example)
