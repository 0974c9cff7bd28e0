"""Asking again with what was wrong: what is sent, paid, logged and recalled, from end to end."""

from pathlib import Path
from typing import Any

import pytest

from promptlab.schemas.run import StepResult
from tests.fakes import FakeProvider
from tests.lab import KEY, Lab, paid

RETRY = {"on": ["server", "invalid_output"], "initial": 0, "max_attempts": 3}
WORDS = {"enum": ["billing", "other"]}


@pytest.fixture
def lab(tmp_path: Path, fake_provider: FakeProvider) -> Lab:
    lab = Lab(tmp_path, fake_provider.base_url)
    lab.write_rows(1)
    return lab


def sort(lab: Lab, **keys: Any) -> StepResult:
    """Run a pipeline of one prompt over the first row; give the step's result."""
    step = {"id": "sort", "prompt": "prompts/say.j2", "output": WORDS, "retry": RETRY, **keys}
    lab.write_pipeline(steps=[step])
    lab.run()
    return lab.trials[0].steps[0]


def conversation(*turns: tuple[str, str]) -> list[dict[str, str]]:
    return [{"role": role, "content": text} for role, text in turns]


def complaint(answer: str) -> str:
    return (
        f"That is not what was asked for: the answer {answer!r} is none of billing, other. "
        "Answer again, with nothing else."
    )


def test_a_model_is_told_what_was_wrong_and_its_next_answer_counts(
    lab: Lab, fake_provider: FakeProvider
) -> None:
    """
    Given a model whose second answer is what the output asks for,
    when the step runs,
    then it was shown its first answer with what was wrong, both are paid and counted, and the log has the
    whole conversation.
    """
    fake_provider.script({"nth": 1, "answer": "Billing!"}, {"answer": "billing"})

    step = sort(lab)

    first, second = (request.body["messages"] for request in fake_provider.requests())
    asked = ("user", "Say word-0000.")
    whole = conversation(asked, ("assistant", "Billing!"), ("user", complaint("Billing!")))
    assert (first, second) == (conversation(asked), whole)
    assert (step.status, step.output, step.attempts, len(step.calls)) == ("passed", "billing", 2, 2)
    assert step.cost_usd == step.spent_usd == pytest.approx(paid(fake_provider))
    assert [dict(message) for message in step.messages] == [*whole, *conversation(("assistant", "billing"))]
    assert lab.states() == {"received": 2}
    assert lab.bought() == {"Billing!", "billing"}


def test_what_was_asked_again_is_recalled_whole(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a step that asked again,
    when its pipeline runs anew,
    then both answers are recalled, nothing is sent, and the step is the same but for what this run spent.
    """
    fake_provider.script({"nth": 1, "answer": "hm"}, {"answer": "other"})
    first = sort(lab)

    second = sort(lab)

    assert fake_provider.sent_count == 2
    assert (second.recalled, second.spent_usd, len(second.calls)) == (True, 0.0, 2)
    assert (second.output, second.messages) == (first.output, first.messages)
    assert second.cost_usd == pytest.approx(first.cost_usd)
    assert [call.fingerprint for call in second.calls] == [call.fingerprint for call in first.calls]
    assert len({call.fingerprint for call in first.calls}) == 2


def test_more_attempts_go_on_where_the_log_ends(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a step that gave up after two answers,
    when it may ask three times,
    then it recalls both and asks only for the third.
    """
    fake_provider.script({"first": 2, "answer": "hm"}, {"answer": "other"})
    gave_up = sort(lab, retry={**RETRY, "max_attempts": 2})

    went_on = sort(lab)

    assert (gave_up.status, gave_up.error_kind) == ("errored", "invalid_output")
    assert (went_on.status, went_on.output, went_on.attempts) == ("passed", "other", 1)
    assert fake_provider.sent_count == 3


def test_asking_ends_with_max_attempts_and_all_is_paid_and_logged(
    lab: Lab, fake_provider: FakeProvider
) -> None:
    """
    Given a model that never gets it right,
    when a step may ask three times,
    then it asks three times and errors by the last answer; cost and conversation hold all three.
    """
    fake_provider.script({"answer": "hm"})

    step = sort(lab)

    assert fake_provider.sent_count == 3
    assert (step.status, step.error_kind) == ("errored", "invalid_output")
    assert step.error == "the answer 'hm' is none of billing, other"
    assert step.spent_usd == pytest.approx(paid(fake_provider))
    assert [message["role"] for message in step.messages] == ["user", *["assistant", "user"] * 2, "assistant"]


def test_failures_are_tried_again_within_each_question(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a provider that fails before the wrong and before the right answer,
    when the step runs,
    then each question has its attempts, each attempt its row, and the failures are no part of the talk.
    """
    fake_provider.script({"nth": [1, 3], "status": 500}, {"nth": 2, "answer": "hm"}, {"answer": "other"})

    step = sort(lab)

    assert (step.output, [call.attempts for call in step.calls]) == ("other", [2, 2])
    assert (lab.states(), fake_provider.sent_count) == ({"failed": 2, "received": 2}, 4)
    assert len(step.messages) == 4


def test_the_second_question_can_fail_for_good(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a provider that refuses the second question,
    when the step runs,
    then it errors by that, the first answer counts as paid, and the log has what was said so far.
    """
    fake_provider.script({"nth": 1, "answer": "hm"}, {"nth": 2, "status": 400})

    step = sort(lab)

    assert (step.status, step.error_kind) == ("errored", "invalid_request")
    assert step.spent_usd == pytest.approx(paid(fake_provider))
    assert [message["role"] for message in step.messages] == ["user", "assistant", "user"]


def test_an_answer_without_text_is_not_sent_back(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a model that answers with nothing at first,
    when it is asked again,
    then it is told what was wrong, without an empty message, which vendors refuse.
    """
    fake_provider.script({"nth": 1, "answer": " "}, {"answer": "other"})

    step = sort(lab)

    said = [message["role"] for message in fake_provider.requests()[1].body["messages"]]
    assert (step.output, said) == ("other", ["user", "user"])


@pytest.mark.parametrize(
    ("output", "wrong", "right", "said"),
    [
        ("json", "```json\n{}\n```", "{}", "it is wrapped in a code fence"),
        ({"schema": {"type": "object", "required": ["a"]}}, "{}", '{"a": 1}', "does not fit the schema"),
        ({"regex": r"label: (\w+)"}, "none", "label: x", "does not match"),
    ],
)
def test_each_kind_of_output_says_what_is_wrong(
    lab: Lab, fake_provider: FakeProvider, output: Any, wrong: str, right: str, said: str
) -> None:
    """
    Given each kind of output and a first answer that is none,
    when the model is asked again,
    then it is told what was wrong in its kind.
    """
    fake_provider.script({"nth": 1, "answer": wrong}, {"answer": right})

    step = sort(lab, output=output)

    assert step.status == "passed"
    assert said in fake_provider.requests()[1].body["messages"][-1]["content"]


def test_it_must_be_asked_for(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a step without a word of `retry`,
    when the answer is none,
    then it is not asked again.
    """
    fake_provider.script({"answer": "hm"})

    step = sort(lab, retry={})

    assert (step.error_kind, fake_provider.sent_count) == ("invalid_output", 1)


def test_a_limit_holds_between_the_questions(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a limit of one request,
    when a step would ask again,
    then it does not: the run stops with 4, and without the limit the step goes on where it was.
    """
    fake_provider.script({"nth": 1, "answer": "hm"}, {"answer": "other"})
    step = {"id": "sort", "prompt": "prompts/say.j2", "output": WORDS, "retry": RETRY}
    lab.write_pipeline(steps=[step], limits={"requests": 1})
    stopped = lab.run()
    lab.write_pipeline(steps=[step])

    went_on = lab.run()

    assert (stopped.exit_code, went_on.exit_code) == (4, 0)
    assert (fake_provider.sent_count, went_on.calls.recalled) == (2, 1)


def test_the_log_and_what_other_steps_see_have_the_whole_conversation(
    lab: Lab, fake_provider: FakeProvider
) -> None:
    """
    Given a step that asked again, and one that shows its conversation,
    when the trial is shown by the command,
    then it has every turn; a render shows what was said, from recalled answers.
    """
    fake_provider.script({"nth": 1, "answer": "hm"}, {"answer": "other"})
    shown = [{"role": "user", "content": "{{ sort.messages | length }} {{ sort.messages[2].content }}"}]
    step = {"id": "sort", "prompt": "prompts/say.j2", "output": WORDS, "retry": RETRY}
    lab.write_pipeline(steps=[step, {"id": "show", "messages": shown}])
    lab.run()

    shown_trial = lab.command("runs", "show", "last", "--row", "0", "--json")
    rendered = lab.command("render", "words", "--step", "show", "--json")

    assert f"4 {complaint('hm')}" in fake_provider.requests()[2].body["messages"][0]["content"]
    assert [turn["role"] for turn in shown_trial.summary["trials"][0]["steps"]["sort"]["messages"]] == [
        "user",
        "assistant",
        "user",
        "assistant",
    ]
    assert f"4 {complaint('hm')}" in rendered.out
    assert KEY not in rendered.out


def test_what_a_resume_would_recall_is_asked_for_anew_by_a_run(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a run in which one answer was not what the output asks for, and another call was refused,
    when it ends and is shown,
    then each is told what helps it, and the command that asks anew does.
    """
    lab.write_rows(3)
    step = {"id": "sort", "prompt": "prompts/say.j2", "output": WORDS}
    lab.write_pipeline(steps=[{"id": "each", "foreach": "[word]", "as": "one", "steps": [step]}])
    fake_provider.script(
        {"user": "0001", "answer": "Billing!"}, {"user": "0002", "status": 400}, {"answer": "billing"}
    )

    ran = lab.command("run", "words", "--set", "params.seed=1")
    shown = lab.command("runs", "show", "last")
    fake_provider.script({"answer": "other"})
    (run_id,) = (row[0] for row in lab.query("select id from runs"))
    anew = lab.command(
        "run", "pipelines/words.yaml", "--set", "params.seed=1", "--failed", run_id, "--fresh", "--json"
    )

    told = (
        f"1 trial errored; this runs them again: promptlab resume {run_id}\n"
        "1 trial errored over what a model answered, which a resume recalls; this asks anew: "
        f"promptlab run pipelines/words.yaml --set params.seed=1 --failed {run_id} --fresh\n"
    )
    assert told in ran.out
    assert told in shown.out
    assert anew.summary["trials"]["passed"] == 2
