"""Recordings as files: what is written is read again, and what is no recording is said."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from promptlab.core.json import JSON
from promptlab.engine.completion import Completion, CompletionRequest, Endpoint, Usage
from promptlab.engine.conversation import Message, ToolCall
from promptlab.loader.files import ProjectFiles
from promptlab.loader.nearest import nearest
from promptlab.loader.problems import InvalidPipeline, Problems
from promptlab.loader.recording import read_recording, recording_text, timeless
from promptlab.loader.recordings import Recordings, recording_path

ENDPOINT = Endpoint("openai", "openai", "chat")
ANSWER = Completion(
    text="billing\nor shipping",
    tool_calls=(ToolCall("1", "look", '{"a": 1}'),),
    usage=Usage(12, 3),
    cost_usd=0.00042,
    latency_ms=812.25,
    answered_by="gpt-4o-mini-2024",
    logprobs=(-0.5, 0.0),
)
KEYS = st.text(max_size=4) | st.sampled_from(["$lines", "$$lines", "$$$lines", "text"])
VALUES: st.SearchStrategy[JSON] = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=9) | st.just("a\n\nb\n"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=9,
)


def asking(text: str = "Sort this:\nmy card", **params: JSON) -> CompletionRequest:
    return CompletionRequest(
        endpoint=ENDPOINT, model="gpt-4o-mini", messages=(Message("user", text),), params=params
    )


def read_again(request: CompletionRequest, answer: Completion) -> Completion:
    problems = Problems()
    text = recording_text(request, answer)
    found = read_recording("r.json", text, problems, named=request.fingerprint)
    problems.raise_errors()
    assert found is not None
    assert found.request == request.as_json()
    return found.answer


def recorded(folder: Path, request: CompletionRequest, text: str | None = None) -> Recordings:
    path = folder / recording_path("sort", request.fingerprint)
    path.parent.mkdir(parents=True)
    path.write_text(text if text is not None else recording_text(request, ANSWER))
    return Recordings(ProjectFiles(folder), "sort")


def test_an_answer_is_read_as_it_was_written() -> None:
    """
    Given an answer with tool calls, costs and several lines,
    when it is written and read,
    then it is the same, recalled, without an attempt.
    """
    assert read_again(asking(), ANSWER) == replace(ANSWER, recalled=True, attempts=0)


@given(text=st.text(st.characters(), max_size=20), value=VALUES)
@example(text="\0\ud800\x1b[2J\u2028", value=None)
def test_whatever_was_said_is_read_again(text: str, value: JSON) -> None:
    """
    Given any text, and parameters with any keys, ours among them,
    when a recording is written and read,
    then request and answer are the same.
    """
    found = read_again(asking(text, extra=value), Completion(text=text))

    assert found.text == text


def test_a_recording_can_be_reviewed() -> None:
    """
    Given an answer of two lines,
    when it is written,
    then keys are sorted, each line stands on its own, and nothing is said that goes without saying.
    """
    text = recording_text(asking(), Completion(text="one\ntwo"))

    assert (
        text
        == (
            '{\n  "answer": {\n    "finish_reason": "stop",\n    "latency_ms": 0.0,\n    "text": {\n'
            '      "$lines": [\n        "one",\n        "two"\n      ]\n    }\n  },\n'
        )
        + text.partition("  },\n")[2]
    )
    assert list(json.loads(text)) == ["answer", "request", "version"]


@pytest.mark.parametrize(
    ("changed", "is_the_same"),
    [
        ({"latency_ms": 3.5, "first_token_ms": 1.0}, True),
        ({"usage": Usage(12, 3, cached_tokens=8)}, True),
        ({"usage": Usage(12, 3, cached_tokens=8), "cost_usd": 0.00021}, False),
        ({"usage": Usage(12, 4)}, False),
        ({"text": "billing"}, False),
    ],
    ids=["times", "cached", "cached-costs-less", "tokens", "text"],
)
def test_times_and_what_was_cached_are_no_other_answer(changed: dict[str, Any], *, is_the_same: bool) -> None:
    """
    Given an answer, and the same again but for one thing,
    when their recordings are held against each other,
    then how long it took, and what a cache knew of its prompt, makes no other recording of it.
    """
    answers = (ANSWER, replace(ANSWER, **changed))

    one, other = (timeless(recording_text(asking(), answer).encode()) for answer in answers)

    assert (one == other) is is_the_same


def test_recordings_are_found_by_their_request(tmp_path: Path) -> None:
    """
    Given a folder with one recording and a stray file,
    when requests are looked up,
    then the one that is recorded is found, and it alone is listed.
    """
    recordings = recorded(tmp_path, asking())
    (tmp_path / "recordings" / "sort" / "README.md").write_text("hello")

    found, missing = recordings.find(asking().fingerprint), recordings.find(asking("x").fingerprint)

    assert found is not None
    assert found.answer.text == ANSWER.text
    assert missing is None
    assert list(recordings.fingerprints()) == [asking().fingerprint]


def test_the_nearest_is_the_same_repeat_and_differs_in_what_differs(tmp_path: Path) -> None:
    """
    Given two repeats that are recorded, with keys in another order than a request has them,
    when it is looked for what is nearest to a request whose text alone is another,
    then it is the one of the same repeat, and that line alone is different.
    """
    said: dict[str, JSON] = {"zeta": [{"b": 1, "a": [2]}], "alpha": "x"}
    for sample in range(2):
        recordings = recorded(tmp_path, replace(asking("Sort this", extra=said), sample=sample))
    wanted = [replace(asking("Sort that", extra=said), sample=sample) for sample in range(2)]

    found = nearest(recordings, [one.as_json() for one in wanted])

    changed = [[line for line in one.difference[2:] if line[0] in "+-"] for one in found if one is not None]
    assert changed == [["-  Sort this", "+  Sort that"]] * 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "1:2"),
        ("[]", "this is no recording"),
        ('{"version": 1, "request": {}, "answer": {"text": 1}}', "answer.text"),
        ('{"version": 2, "request": {}, "answer": {"text": "a"}}', "version"),
        ('{"version": 1, "request": {}, "answer": {"text": "a"}}', "not the fingerprint of its request"),
        ('{"version": 1, "request": {}, "answer": {"text": "a"}, "answer": {"text": "b"}}', "duplicate key"),
    ],
)
def test_what_is_no_recording_is_said_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    """
    Given a file that was cut, has the wrong shape, or was changed by hand,
    when it is looked up,
    then the problem names the file and what is wrong.
    """
    recordings = recorded(tmp_path, asking(), text)

    with pytest.raises(InvalidPipeline) as caught:
        recordings.find(asking().fingerprint)

    [problem] = caught.value.problems
    assert problem.file == recording_path("sort", asking().fingerprint)
    assert said in f"{problem.line}:{problem.column} {problem.message}"
