"""What a step needs of a value that a row alone decides is looked at in every row, before the first call."""

from textwrap import indent

import pytest

from promptlab.core.json import JSON, as_text, compact
from promptlab.engine.web import final_url
from promptlab.loader.changes import Changes
from tests.loading_kit import Loaded, load

ROWS = """
{"x": ["a"], "n": 1, "u": "https://h.example/a", "kind": "good"}
{"x": "a, b", "n": "one", "u": "ftp://h.example/a b", "kind": "bad"}
{"x": {"k": []}, "n": 2, "u": "https://h.example/b", "kind": "bad"}
"""
HEAD = """\
version: 1
inputs: {{x: any, n: any, u: any}}
dataset: {dataset}
steps:
"""
SAY = "{id: say, messages: [{role: user, content: x}]}"
LOOP = f"- {{id: parts, foreach: x, steps: [{SAY}]}}"
SUB = "version: 1\ninputs: {n: integer, x: any}\nsteps: [{id: say, messages: [{role: user, content: hi}]}]\n"
NO_LIST = "rows.jsonl:2:1: step 'parts': `foreach` needs a list, but x is text: a, b (pipelines/p.yaml:5)"
CALL = "- {id: sub, pipeline: pipelines/sub.yaml, with: {n: '{{ n }}', x: '{{ x }}'}}"
BAD_NUMBER = (
    "rows.jsonl:2:1: step 'sub': the input 'n' of pipelines/sub.yaml is of type integer, but this is 'one' "
    "(pipelines/p.yaml:5)"
)


def over_rows(steps: str, dataset: str = "rows.jsonl", sub: str = SUB, **changes: str) -> Loaded:
    """Load a pipeline whose steps begin in line 5, over three rows of which the first alone is sound."""
    files = {"rows.jsonl": ROWS, "pipelines/sub.yaml": sub}
    pipeline = HEAD.format(dataset=dataset) + indent(steps, "  ")
    return load(pipeline, files, Changes(where=changes.get("where")))


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        (LOOP, f"{NO_LIST}; and 1 more row (line 3)"),
        (LOOP.replace("foreach: x", "foreach: x, on_error: skip"), f"{NO_LIST}; and 1 more row (line 3)"),
        (CALL, BAD_NUMBER),
        (
            "- {id: ask, http: {url: '{{ u }}'}}",
            (
                "rows.jsonl:2:1: step 'ask': http.url: the address has characters that none has; pass values "
                "through `| urlencode`, or give them under `query` (pipelines/p.yaml:5)"
            ),
        ),
        (
            "- {id: ask, http: {url: 'https://h.example/{{ x }}/{{ n }}'}, with: {n: 'a', x: '{{ n }}'}}",
            None,
        ),
    ],
)
def test_a_row_that_a_step_cannot_use_is_a_problem_of_the_row(steps: str, problem: str | None) -> None:
    """
    Given inputs of any type, and rows of which the first alone has what a step needs,
    when the pipeline is loaded,
    then the first other row is a problem at its line, with the step, its line, and the number of the rest.
    """
    assert over_rows(steps).problems == ([] if problem is None else [problem])


@pytest.mark.parametrize(
    "steps",
    [
        LOOP.replace("foreach: x", "foreach: x, when: kind"),
        LOOP.replace("foreach: x", "foreach: x | default([])"),
        LOOP.replace("foreach: x", "foreach: x.k"),
        LOOP.replace("foreach: x", "foreach: other.output") + "\n- {id: other, python: f.py:g}",
        CALL.replace("with:", "on_error: skip, with:"),
        CALL.replace("with:", "when: n != 'one', with:"),
        "- {id: ask, http: {url: '{{ u }}'}, on_error: {default: x}}",
        "- {id: ask, http: {url: 'https://h.example/{{ n | urlencode }}'}}",
        f"- {{id: outer, foreach: '[]', steps: [{LOOP.removeprefix('- ')}]}}",
    ],
)
def test_what_may_do_no_harm_or_is_computed_is_left_to_the_run(steps: str) -> None:
    """
    Given a step that a `when` may skip, whose error is excused, that stands inside a loop, or whose value
        is computed,
    when it is loaded,
    then nothing is said of rows.
    """
    found = over_rows(steps.replace("when: kind", "when: n == 1"))

    assert not [one for one in found.found if one.code == "row"]


@pytest.mark.parametrize(
    ("dataset", "where", "count"),
    [
        ("{path: rows.jsonl, where: kind == 'good'}", "", 0),
        ("{path: rows.jsonl, where: n == 2}", "", 1),
        ("{path: rows.jsonl, limit: 1}", "", 0),
        ("{path: rows.jsonl, limit: 2}", "", 1),
        ("{path: rows.jsonl, sample: 3}", "", 1),
        ("rows.jsonl", "kind == 'good'", 0),
        ("[{x: [], n: 1, u: a}]", "", 0),
        ("[{x: no, n: 1, u: a}]", "", 1),
    ],
)
def test_only_rows_that_are_run_count(dataset: str, where: str, count: int) -> None:
    """
    Given a choice of rows,
    when the pipeline is loaded,
    then rows that are not run are no problem.
    """
    assert len(over_rows(LOOP, dataset, where=where or "true").problems) == count


def test_a_called_pipeline_needs_what_its_caller_hands_on() -> None:
    """
    Given a called pipeline with a loop over an input that its caller binds to a value of the row,
    when the caller is loaded,
    then a row without a list there is told, with the line of the loop in the called file.
    """
    sub = f"version: 1\ninputs: {{items: any}}\nsteps:\n  {LOOP.replace('foreach: x', 'foreach: items')}\n"
    steps = "- {id: sub, pipeline: pipelines/sub.yaml, with: {items: '{{ x }}'}}"

    assert over_rows(steps, sub=sub).problems == [
        (
            "rows.jsonl:2:1: step 'sub.parts': `foreach` needs a list, but items is text: a, b "
            "(pipelines/sub.yaml:4); and 1 more row (line 3)"
        )
    ]


def test_a_variant_alone_may_need_it() -> None:
    """
    Given a loop whose list a variant chooses,
    when the pipeline is loaded,
    then the rows are held to what the steps of each cell need.
    """
    steps = LOOP.replace("foreach: x", "foreach: '[1]'")
    variants = "variants: {good: {}, bad: {steps: {parts: {foreach: n}}}}\n"
    pipeline = f"{HEAD.format(dataset='rows.jsonl')}  {steps}\n{variants}"

    (problem,) = load(pipeline, {"rows.jsonl": ROWS}).problems

    assert problem.startswith("rows.jsonl:1:1: step 'parts': `foreach` needs a list, but n is a number: 1")


def test_the_defaults_are_a_row_too() -> None:
    """
    Given a pipeline without a dataset, whose only value is a default that is no list,
    when it is loaded,
    then that is told at the step.
    """
    pipeline = f"version: 1\ninputs: {{x: {{type: any, default: 3}}}}\nsteps:\n  {LOOP}\n"

    assert load(pipeline).problems == [
        "4:1: step 'parts': `foreach` needs a list, but x is a number: 3 (pipelines/p.yaml:4)"
    ]


@pytest.mark.parametrize(
    ("value", "is_refused"),
    [
        ("a", False),
        ("a/b.c?d=e&f=1", False),
        ("a b", True),
        ("../secret", True),
        ("./a", True),
        ("a/..", True),
        ("a/%2e%2E/b", True),
        (".hidden", False),
        ("a#b", True),
        ("\u00e4", False),
        (7, False),
        ([1, 2], True),
    ],
)
def test_an_address_is_judged_as_when_it_is_sent(value: JSON, *, is_refused: bool) -> None:
    """
    Given a value of a row that stands in the path of an address,
    when the pipeline is loaded,
    then it is refused if a request with it would be.
    """
    rows = compact([{"x": value}])
    step = "{id: ask, http: {url: 'https://h.example/{{ x }}'}}"
    pipeline = f"version: 1\ninputs: {{x: any}}\ndataset: rows.json\nsteps: [{step}]\n"

    found = load(pipeline, {"rows.json": rows}).found

    assert [one.code for one in found] == (["row"] if is_refused else [])
    assert is_refused == bool(_refused(f"https://h.example/{as_text(value)}"))


def _refused(address: str) -> str:
    try:
        final_url(address, (), origin="https://h.example")
    except ValueError as error:
        return str(error)
    return ""
