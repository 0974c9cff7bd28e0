"""What a git change touches of checks that a model judges: verdicts, not calls of steps."""

from collections.abc import Callable

import pytest

from tests.affected_kit import Repository
from tests.cli_kit import Cli

PIPELINE = "pipelines/judged.yaml"
FILES = {
    "promptlab.yaml": "version: 1\nmodel: echo/one\njudge: echo/judge\n",
    PIPELINE: """
        version: 1
        inputs: {ticket: string}
        dataset: data/rows.jsonl
        steps:
          - id: say
            messages: [{role: user, content: "{{ ticket }}"}]
            checks:
              - {type: llm-rubric, value: is kind, prompt: prompts/judge.j2}
              - context-faithfulness
              - {contains: a}
    """,
    "prompts/judge.j2": """
        {% include '_scale.j2' %}
        Is {{ output }} {{ value }}? {{ row.audience | default('') }}
    """,
    "prompts/_scale.j2": "Be strict.",
    "data/rows.jsonl": """
        {"id": "a", "ticket": "pay", "context": "Facts.", "query": "What?", "note": "x"}
        {"id": "b", "ticket": "crash", "context": "Facts.", "query": "What?", "note": "x"}
    """,
}

type Edit = Callable[[Repository], object]


def replaced(path: str, old: str, new: str) -> Edit:
    return lambda repository: repository.replace(path, old, new)


def of_row(old: str, new: str) -> Edit:
    """Edit a column of the first row alone."""
    return replaced("data/rows.jsonl", f'"pay", {old}', f'"pay", {new}')


BOTH = ["a", "b"]
RUBRIC = {"checks llm-rubric"}
EDITS: dict[str, tuple[Edit, list[str], set[str]]] = {
    "rubric": (replaced(PIPELINE, "is kind", "is warm"), BOTH, RUBRIC),
    "judge": (
        replaced("promptlab.yaml", "echo/judge", "echo/other"),
        BOTH,
        {"judge model echo/judge", "judge model echo/other"},
    ),
    "judge of a check": (
        replaced(PIPELINE, "is kind,", "is kind, judge: echo/x,"),
        BOTH,
        {"judge model echo/x", *RUBRIC},
    ),
    "votes": (replaced(PIPELINE, "is kind,", "is kind, votes: 3,"), BOTH, RUBRIC),
    "prompt": (replaced("prompts/judge.j2", "Is", "Was"), BOTH, RUBRIC),
    "include": (replaced("prompts/_scale.j2", "strict", "mild"), BOTH, RUBRIC),
    "context": (of_row('"context": "Facts."', '"context": "More."'), ["a"], {"row"}),
    "query": (of_row('"context": "Facts.", "query": "What?"', '"context": "Facts."'), ["a"], {"row"}),
    "own column": (of_row('"context"', '"audience": "few", "context"'), ["a"], {"row"}),
}


@pytest.mark.parametrize("name", EDITS)
def test_what_judges_are_asked_touches_verdicts(cli: Cli, name: str) -> None:
    """
    Given a pipeline whose answers are judged,
    when a rubric, a judge, its prompt or a column that it sees is edited,
    then verdicts of these rows are affected, and no call of a step is.
    """
    edit, rows, why = EDITS[name]
    repository = Repository(cli.folder).start(FILES)
    edit(repository)

    (found,) = cli("affected", "--since", "HEAD", "--json").json["pipelines"]

    (change,) = found["changes"]
    assert found["trials"] == {"planned": 2, "calls": 0, "verdicts": len(rows)}
    assert (change["step"], change["effect"], change["row_ids"]) == ("say", "verdicts", rows)
    assert {" ".join(filter(None, (one["kind"], one.get("name")))) for one in change["why"]} == why
