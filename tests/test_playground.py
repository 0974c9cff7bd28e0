"""Edited prompts: rendered, run on one row within a limit, and written over their files."""

import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import FakeProvider, fake_provider_process
from tests.hosting_kit import Server, lab_of, serving
from tests.lab import asked_for

EDITED = "Tell {{ word }} twice"
TWO_STEPS: dict[str, Any] = {
    "steps": [
        {"id": "first", "prompt": "prompts/first.j2"},
        {"id": "say", "prompt": "prompts/say.j2", "with": {"word": "{{ first.output }}"}},
        {"id": "after", "prompt": "prompts/after.j2", "with": {"said": "{{ say.output }}"}},
    ],
    "outputs": {"all": "{{ after.output }}"},
    "checks": [{"contains": "nothing"}],
    "gates": [{"metric": "pass_rate", "min": 1}],
    "repeat": {"max": 5, "until": "decided", "pass": 2},
    "variants": {"base": {}, "hot": {"params": {"temperature": 1}}},
}


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeProvider]:
    with fake_provider_process(tmp_path_factory.mktemp("provider")) as provider:
        yield provider


@pytest.fixture(scope="module")
def server_of_module(tmp_path_factory: pytest.TempPathFactory, provider: FakeProvider) -> Iterator[Server]:
    lab = lab_of(tmp_path_factory.mktemp("played"), provider)
    lab.write_pipeline(repeat=3)
    lab.write("prompts/first.j2", "First {{ word }}")
    lab.write("prompts/after.j2", "After {{ said }}")
    lab.write(
        "pipelines/steps.yaml",
        {**json.loads((lab.root / "pipelines/words.yaml").read_text()), **TWO_STEPS, "name": "steps"},
    )
    with serving(lab) as server:
        yield server


@pytest.fixture
def server(server_of_module: Server, provider: FakeProvider) -> Server:
    """A server over pipelines of one step, `words`, and of three, `steps`; the provider is as new."""
    provider.reset()
    return server_of_module


def render(server: Server, template: str | None, expected: int = 200, **order: Any) -> Any:
    answer = server.post("playground/render", {"pipeline": "words", "template": template, **order})
    assert (answer.status_code, answer.text[:500]) == (expected, answer.text[:500])
    return answer.json()


def run(server: Server, template: str, **order: Any) -> str:
    answer = server.post("playground/run", {"pipeline": "words", "template": template, **order})
    assert answer.status_code == 202, answer.text
    run_id: str = answer.json()["run"]
    return run_id


def test_an_edited_prompt_is_rendered(server: Server, provider: FakeProvider) -> None:
    """
    Given a text that is in no file,
    when it is rendered in place of a prompt,
    then the messages are of it, with what they would cost, and nothing is called or written.
    """
    found = render(server, EDITED, row=3)

    (step,) = found["messages"]
    assert step["messages"] == [{"role": "user", "content": "Tell word-0003. twice"}]
    assert (found["row_id"], found["cell"], found["problems"]) == ("r3", "base", [])
    assert (found["plan"]["trials"], found["plan"]["total"]["call"]) == (1, 1)
    assert found["prompt"]["text"] == (server.lab.root / "prompts/say.j2").read_text() == "Say {{ word }}"
    assert provider.requests() == []


def test_what_is_wrong_with_it_is_told_where_it_stands(server: Server) -> None:
    """
    Given texts with an undefined name, with broken syntax and with front matter that has an unknown key,
    when they are rendered,
    then there are no messages, but the place in the prompt of each fault, as `validate` has it.
    """
    texts = ("Say\n{{ wrod }}", "{% if %}", "---\nmodle: x\n---\n{{ word }}")

    found = [render(server, text) for text in texts]

    problems = [one["problems"][0] for one in found]
    assert [(one["messages"], one["plan"], one["row_id"]) for one in found] == [([], None, None)] * 3
    assert {one["file"] for one in problems} == {"prompts/say.j2"}
    assert [one["line"] for one in problems] == [2, 1, 2]
    assert (problems[0]["column"], problems[0]["hint"]) == (4, "did you mean 'word'?")


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__ }}",
        "{% include '../promptlab.yaml' %}",
        "{% include '/etc/passwd' %}",
        "{{ text('.env') }}",
        "{{ 'a' * 10**10 }}",
        "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
    ],
)
def test_a_hostile_template_gets_nowhere(server: Server, template: str) -> None:
    """
    Given a template that reaches for Python, for files elsewhere or for all memory and time,
    when it is rendered,
    then it is refused or its step is errored, no secret is told, and the next one is rendered.
    """
    found = render(server, template)

    assert found["problems"] or found["messages"][0]["status"] == "errored"
    assert "fake-test-key" not in str(found)
    assert render(server, EDITED)["messages"][0]["status"] == "rendered"


def test_a_template_may_include_what_lies_among_prompts(server: Server) -> None:
    """
    Given a text that includes another prompt,
    when it is rendered,
    then that is in it.
    """
    (step,) = render(server, "{% include 'first.j2' %}!")["messages"]

    assert step["messages"][0]["content"] == "First word-0000.!"


@pytest.mark.parametrize(
    ("order", "status"),
    [
        ({"python": "tools/x.py:f"}, 422),
        ({"base_url": "http://127.0.0.1:1"}, 422),
        ({"model": "echo/echo"}, 422),
        ({"pipeline": {"steps": []}}, 422),
        ({"pipeline": "pipelines/words.yaml"}, 404),
        ({"pipeline": "../words"}, 404),
        ({"pipeline": "nothing"}, 404),
        ({"step": "syа"}, 422),
        ({"variant": "hot"}, 422),
        ({"row": 10}, 422),
        ({"row": "3"}, 422),
        ({"template": "x" * 1_000_001}, 422),
        ({"template": "x" * 1_100_000}, 413),
        ({"template": 7}, 422),
    ],
)
@pytest.mark.parametrize("route", ["render", "run"])
def test_a_body_carries_one_text_and_what_it_is_tried_on(
    server: Server, provider: FakeProvider, route: str, order: dict[str, Any], status: int
) -> None:
    """
    Given orders with a pipeline, a model, an address or code in them, or that name what is not there,
    when they are made,
    then each is refused, and nothing is called.
    """
    body = {"pipeline": "words", "template": EDITED, **order}

    answer = server.post(f"playground/{route}", body)

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert provider.requests() == []


def test_one_cell_is_run_and_its_answer_kept(server: Server, provider: FakeProvider) -> None:
    """
    Given an edited prompt of a pipeline that repeats each row,
    when it is run on one row, twice, and asked for twice at once,
    then it was sent once, its run is marked, is none that `last` means and holds the text that was sent;
    the file is as it was.
    """
    last = server.client.get("/api/runs/last").json().get("id")
    with ThreadPoolExecutor(2) as pool:
        begun = {*pool.map(lambda _: run(server, EDITED, row=2, max_cost=1), range(2))}
    events = [server.events(run_id) for run_id in begun]
    again = run(server, EDITED, row=2)
    ended = server.ended(again)

    first, lab = max(begun), server.lab
    [(kept,)] = lab.query(
        "select content from snapshots join run_files using (digest) where run_id = ? and path = ?",
        first,
        "prompts/say.j2",
    )
    read = server.client.get(f"/api/runs/{first}").json()
    assert asked_for(provider.requests()) == ["Tell word-0002. twice"]
    assert sum(one["data"]["sent"] for told in events for one in told if one["event"] == "ended") == 1
    assert (ended["sent"], ended["recalled"], ended["planned"]) == (0, 1, 1)
    assert (read["note"], read["planned"]) == ("playground: say on row 2", 1)
    assert server.client.get("/api/runs/last").json().get("id") == last
    assert kept == b"r" + EDITED.encode()
    assert (lab.root / "prompts/say.j2").read_text() == "Say {{ word }}"


def test_a_try_that_failed_is_made_again_not_resumed(server: Server, provider: FakeProvider) -> None:
    """
    Given a try whose call was refused,
    when it is resumed, and then made again,
    then the first is refused and says what to do, and the second sends it.
    """
    provider.script({"status": 400, "first": 1})

    first = run(server, "Retry {{ word }}")
    ended = server.ended(first)
    resumed = server.post(f"runs/{first}/resume")
    again = server.ended(run(server, "Retry {{ word }}"))

    assert (ended["errored"], again["errored"], again["sent"]) == (1, 0, 1)
    assert (resumed.status_code, "playground" in resumed.json()["hint"]) == (422, True)
    assert len(provider.requests()) == 2


def test_the_answer_is_told_as_it_comes(server: Server) -> None:
    """
    Given an edited prompt,
    when it is run and followed,
    then its text comes before the end, in pieces that make the answer.
    """
    run_id = run(server, "Stream {{ word }}", row=5)
    told = server.events(run_id)

    texts = [one["data"]["text"] for one in told if one["event"] == "text"]
    [trial] = server.client.get(f"/api/runs/{run_id}/trials").json()["rows"][0]["trials"]
    assert told[-1]["event"] == "ended"
    assert not texts or "".join(texts) == trial["output"]


def test_steps_before_it_are_run_and_those_behind_are_not(server: Server, provider: FakeProvider) -> None:
    """
    Given a step between two others, in a pipeline with variants, outputs, checks and a gate,
    when its prompt is run in one variant, edited twice,
    then the step before it is sent once, the one behind never, and checks and gates do not count.
    """
    order: dict[str, Any] = {"pipeline": "steps", "step": "say", "variant": "hot", "row": 1}

    missing = render(server, EDITED, **order)["messages"][0]
    ended = [server.ended(run(server, text, **order)) for text in (EDITED, f"{EDITED}!")]

    sent = asked_for(provider.requests())
    assert (missing["status"], missing["missing"]) == ("missing", ["first"])
    assert [one["status"] for one in ended] == ["passed", "passed"]
    assert [one["sent"] for one in ended] == [2, 1]
    assert sent[0] == "First word-0001."
    assert [text.startswith("Tell") for text in sent] == [False, True, True]
    assert all(request.body["temperature"] == 1 for request in provider.requests())


def test_what_may_be_too_dear_is_not_sent(server: Server, provider: FakeProvider) -> None:
    """
    Given a limit below the worst case of a call,
    when a prompt is run,
    then the answer is a 402 that says so, no run begins, and nothing is sent; reading never spends.
    """
    runs = server.lab.query("select count(*) from runs")
    refused = server.post(
        "playground/run", {"pipeline": "words", "template": "Dear {{ word }}", "max_cost": 1e-6}
    )
    unasked = server.client.get("/api/playground/run")

    assert (refused.status_code, unasked.status_code) == (402, 405)
    assert "--max-cost leaves" in refused.json()["detail"]
    assert server.lab.query("select count(*) from runs") == runs
    assert provider.requests() == []


def test_the_ceiling_of_the_server_holds(tmp_path: Path, fake_provider: FakeProvider) -> None:
    """
    Given a server that may spend less than the worst case of a call,
    when a prompt is looked at and run,
    then what is left is told, and nothing is sent.
    """
    with serving(lab_of(tmp_path, fake_provider), max_cost=1e-6) as server:
        room = render(server, EDITED)["room_usd"]
        refused = server.post("playground/run", {"pipeline": "words", "template": EDITED})

    assert (room, refused.status_code) == (1e-6, 402)
    assert "--max-cost of promptlab serve leaves" in refused.json()["detail"]
    assert fake_provider.requests() == []


def saving(server: Server, template: str, expected: str, **order: Any) -> Any:
    body = {"pipeline": "saved", "template": template, "expected": expected, **order}
    return server.post("playground/save", body)


@pytest.fixture
def saved(server: Server) -> Path:
    """The prompt of the pipeline `saved`: a file whose lines end by CR LF, committed to git."""
    server.lab.write(
        "pipelines/saved.yaml",
        (server.lab.root / "pipelines/words.yaml").read_text().replace("say.j2", "saved.j2"),
    )
    path = server.lab.root / "prompts/saved.j2"
    path.write_bytes(b"---\r\ndescription: x\r\n---\r\nSay {{ word }}\r\n")
    path.chmod(0o640)
    return path


def commit(root: Path) -> None:
    own = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    for words in (["init", "-q"], ["add", "prompts"], [*own, "commit", "-qm", "x"]):
        subprocess.run(["git", "-C", str(root), *words], check=True)


def test_it_is_saved_over_what_was_read(server: Server, saved: Path) -> None:
    """
    Given a prompt as it was read,
    when an edited text is saved, and another over what was read before that,
    then the first is in the file, whole, its lines ending as they did; the second is refused.
    """
    prompt = render(server, None, pipeline="saved")["prompt"]

    first = saving(server, prompt["text"].replace("Say", "Tell"), prompt["sha256"])
    second = saving(server, "lost", prompt["sha256"])

    now = render(server, None, pipeline="saved")["prompt"]
    assert (first.status_code, second.status_code) == (200, 409)
    assert saved.read_bytes() == b"---\r\ndescription: x\r\n---\r\nTell {{ word }}\r\n"
    assert saved.stat().st_mode & 0o777 == 0o640
    assert now["sha256"] == first.json()["sha256"]
    assert "-Say {{ word }}" in first.json()["diff"]
    assert "+Tell {{ word }}" in first.json()["diff"]
    assert sorted(path.name for path in saved.parent.iterdir()) == [
        "after.j2",
        "first.j2",
        "saved.j2",
        "say.j2",
    ]


def test_the_difference_to_the_last_commit_is_told(tmp_path: Path, fake_provider: FakeProvider) -> None:
    """
    Given a project in git,
    when a prompt is saved twice,
    then the second time too it is told what differs from the last commit.
    """
    lab = lab_of(tmp_path, fake_provider)
    commit(lab.root)
    with serving(lab) as server:
        for text in ("one", "two"):
            before = render(server, None)["prompt"]["sha256"]
            told = saving(server, text, before, pipeline="words").json()

    assert told["is_of_git"]
    assert "\n-Say {{ word }}" in told["diff"]
    assert "\n+two" in told["diff"]


@pytest.mark.parametrize("place", ["file", "folder", "outside"])
def test_nothing_is_written_through_a_link(server: Server, saved: Path, place: str) -> None:
    """
    Given a prompt that is a link, that lies in a folder that is one, or not among prompts,
    when it is saved,
    then that is refused, and no file has changed.
    """
    target = saved.with_name("first.j2") if place != "outside" else server.lab.root / "data/elsewhere.j2"
    target.write_text("First {{ word }}")
    name = {"file": "prompts/link.j2", "folder": "prompts/folder/first.j2", "outside": "data/elsewhere.j2"}[
        place
    ]
    link = {"file": saved.with_name("link.j2"), "folder": saved.with_name("folder")}.get(place)
    if link is not None:
        link.symlink_to(target if place == "file" else target.parent)
    server.lab.write(
        "pipelines/linked.yaml",
        (server.lab.root / "pipelines/words.yaml").read_text().replace("prompts/say.j2", name),
    )

    prompt = render(server, None, pipeline="linked")["prompt"]
    answer = saving(server, "owned", prompt["sha256"], pipeline="linked")
    if link is not None:
        link.unlink()

    assert answer.status_code == 409, answer.text
    assert target.read_text() == "First {{ word }}"


def test_a_prompt_with_a_secret_is_not_shown(server: Server, saved: Path) -> None:
    """
    Given a prompt with a key in it,
    when it is read,
    then it is told that there is one and where, but neither it nor a way to save over it.
    """
    saved.write_text("Say {{ word }}\nkey sk-live-0123456789abcdef0123\n")

    prompt = render(server, None, pipeline="saved")["prompt"]
    answer = saving(server, "owned", prompt["sha256"])

    assert (prompt["text"], answer.status_code) == (None, 409)
    assert prompt["objection"].startswith("prompts/saved.j2:2 has what looks like a secret")
