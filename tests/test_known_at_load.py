"""What would only be found while a run goes on, though it is known before: told at its place."""

import pytest

from tests.loading_kit import load

HEAD = """\
version: 1
inputs: {t: string, o: object}
dataset: [{t: hi, o: {k: 1}, label: a}]
steps:
"""
SAY = "id: say, messages: [{role: user, content: hi}]"
FILES = {"f.py": "def judge(output, label, who):\n    return True\n"}


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        (f"  - {{{SAY}, params: {{stop: []}}}}", "5:69: steps.params.stop: there is no text to stop at"),
        (f"  - {{{SAY}, params: {{stop: [a, '']}}}}", "5:69: steps.params.stop: there is no text to stop at"),
        (
            "  - {id: ask, http: {url: 'https://x.example', query: {q: '{{ o }}'}}}",
            "5:59: a map cannot stand in a query, and {{ o }} is one",
        ),
        (
            "  - {id: ask, http: {url: 'https://x.example', query: {q: [{a: 1}]}}}",
            "5:59: steps.http.query: a list in a query has text, numbers, true and false",
        ),
        (
            f"  - {{{SAY}, checks: [python: 'f.py:judge']}}",
            "5:71: f.py:judge wants 'who', which is neither an input nor a column",
        ),
        (
            f"  - {{{SAY}}}\ngates: [{{metric: pass_rate, min: 90}}]",
            "6:9: gates: pass_rate lies between 0 and 1",
        ),
    ],
)
def test_what_could_never_work_is_told_before_the_run(written: str, problem: str) -> None:
    """
    Given a pipeline with something that could work for no row,
    when it is loaded,
    then that is said, with its line and column.
    """
    (found,) = load(f"{HEAD}{written}\n", FILES).problems

    assert found.startswith(problem)


@pytest.mark.parametrize(
    "written",
    [
        f"  - {{{SAY}, params: {{stop: END}}}}",
        "  - {id: ask, http: {url: 'https://x.example', query: {q: '{{ o.k }}', r: [1, a]}}}",
        f"  - {{{SAY}}}\ngates: [{{metric: pass_rate, min: 1}}, {{metric: score, max: 0}}]",
        f"  - {{{SAY}}}\ngates: [{{metric: latency_ms, max: 90}}]",
    ],
)
def test_what_may_work_is_left_alone(written: str) -> None:
    """
    Given the like that may work,
    when it is loaded,
    then nothing is said of it.
    """
    assert load(f"{HEAD}{written}\n", FILES).problems == []
