"""A column that a check names and some row lacks: told before the first call, at that row."""

import pytest

from promptlab.loader.changes import Changes
from tests.loading_kit import Loaded, load

ROWS = """
{"word": "a", "label": "x", "kind": "named"}

{"word": "b", "kind": "bare"}
{"word": "c", "label": null, "kind": "bare"}
"""
CHECKED = """\
version: 1
inputs: {{word: string}}
dataset: {dataset}
steps:
  - id: say
    messages: [{{role: user, content: "{{{{ word }}}}"}}]
    {keys}
    checks:
      - {check}
"""
FOUND = "rows.jsonl:3:1: the row lacks 'label', which a check names (pipelines/p.yaml:9)"


def checked(check: str, dataset: str = "rows.jsonl", keys: str = "", **inputs: str) -> Loaded:
    """Load a pipeline whose step has a check, over three rows of which the first alone has a label."""
    files = {"rows.jsonl": ROWS}
    pipeline = CHECKED.format(check=check, dataset=dataset, keys=keys or "timeout: 9")
    return load(pipeline, files, Changes(inputs=inputs or None))


@pytest.mark.parametrize(
    "check",
    [
        'contains: "{{ label }}"',
        "equals: \"{{ row['label'] }}\"",
        'equals: "{{ row.label }}"',
        "expression: output == label",
        "{type: is-json, when: label == 'x'}",
        "{type: equals, transform: output ~ label, value: a}",
        "{type: contains, when: output != '', value: \"{{ label }}\"}",
        'all-of: [contains: "{{ label }}"]',
    ],
)
def test_a_row_without_a_column_that_a_check_names_is_a_problem_of_the_row(check: str) -> None:
    """
    Given rows of which some have no label, or null,
    when a check needs it,
    then the first such row is a problem at its line, which says where the check is.
    """
    assert checked(check).problems == [FOUND]


@pytest.mark.parametrize(
    "check",
    [
        "contains: \"{{ label | default('a') }}\"",
        "expression: label is not defined or label in output",
        "expression: row.get('label') != output",
        "expression: \"'label' not in row or row['label'] in output\"",
        "expression: \"'label' in row and row.label in output\"",
        '{type: contains, when: label is defined, value: "{{ label }}"}',
        "{type: contains, when: kind == 'named', value: \"{{ label }}\"}",
        'all-of: [{type: contains, when: label is defined, value: "{{ label }}"}]',
        'contains: "{{ word }}"',
        "equals: \"{{ row['kind'] }}\"",
        "python: checks.py:judge",
    ],
)
def test_a_check_that_tests_for_the_column_is_none(check: str) -> None:
    """
    Given rows of which some have no label,
    when a check tests whether it is there, or chooses its rows by another column,
    then there is nothing wrong.
    """
    assert "label" not in " ".join(checked(check).messages)


@pytest.mark.parametrize(
    ("dataset", "lines"),
    [
        ("{path: rows.jsonl, where: label is defined}", []),
        ("{path: rows.jsonl, where: kind == 'bare'}", ["rows.jsonl:3:1"]),
        ("{path: rows.jsonl, limit: 1}", []),
        ("{path: rows.jsonl, limit: 1, where: kind == 'bare'}", ["rows.jsonl:3:1"]),
        ("{path: rows.jsonl, sample: 3}", ["rows.jsonl:3:1"]),
        ("[{word: a}, {word: b, label: x}]", ["3:1"]),
    ],
)
def test_rows_that_are_not_run_may_lack_it(dataset: str, lines: list[str]) -> None:
    """
    Given a dataset that chooses rows,
    when a check needs a column,
    then only a row that is run is a problem.
    """
    found = checked('contains: "{{ label }}"', dataset).problems

    assert [problem.partition(": ")[0] for problem in found] == lines


def test_a_column_of_the_second_row_is_lacking_in_the_first() -> None:
    """
    Given a file whose first row lacks a column that a later one has,
    when a check names it,
    then the first row is the problem.
    """
    files = {"rows.jsonl": '{"word": "a"}\n{"word": "b", "label": "x"}\n'}

    found = load(
        CHECKED.format(check='contains: "{{ label }}"', dataset="rows.jsonl", keys="timeout: 9"), files
    )

    assert found.problems == [
        "rows.jsonl:1:1: the row lacks 'label', which a check names (pipelines/p.yaml:9)"
    ]


def test_of_a_step_with_a_when_nothing_is_said() -> None:
    """
    Given a step that its `when` runs for some rows alone,
    when its check names a column that the others lack,
    then there is nothing wrong.
    """
    assert checked('contains: "{{ label }}"', keys="when: word == 'a'").problems == []


@pytest.mark.parametrize(("given", "lacking"), [({"label": "x"}, False), ({}, True)])
def test_the_row_of_the_command_line_needs_the_column_too(given: dict[str, str], *, lacking: bool) -> None:
    """
    Given a check that names a column,
    when the row comes from -i,
    then -i must give it.
    """
    found = checked('contains: "{{ label }}"', word="a", **given)

    message = "-i:1:1: the row lacks 'label', which a check names (pipelines/p.yaml:9)"
    assert found.problems == ([message] if lacking else [])
    assert all("say -i label=VALUE" in str(hint) for hint in found.hints)
