"""What a function says that it returns is held to the `output` of its step before the run."""

import pytest

from tests.loading_kit import load

HEAD = """\
from typing import Literal, TypedDict


class Sorted(TypedDict):
    team: str


def f() -> """


@pytest.mark.parametrize(
    ("hint", "output", "problem"),
    [
        ("str", "{enum: [a, b]}", None),
        ("Literal['a']", "{enum: [a, b]}", None),
        ("Literal['a', 'c']", "{enum: [a, b]}", "f.py:f may return 'c', which is none of a, b"),
        ("Literal['a'] | None", "{enum: [a, b]}", None),
        ("int", "{enum: [a, b]}", "f.py:f returns int, but `output` asks for text"),
        ("list[str]", "text", "f.py:f returns list[str], but `output` asks for text"),
        ("dict", "json", None),
        ("Sorted", "{schema: {type: object}}", None),
        ("Sorted", "{schema: {type: array}}", "f.py:f returns Sorted, but `output` asks for type array"),
        ("int", "{schema: {type: number}}", None),
        ("float", "{schema: {type: integer}}", None),
        ("object", "{enum: [a]}", None),
    ],
)
def test_a_return_hint_that_cannot_fit_is_told_at_the_output(
    hint: str, output: str, problem: str | None
) -> None:
    """
    Given a function with a return hint, and a step that asks for an output,
    when the pipeline is loaded,
    then a hint that does not fit is a problem of the output, and one that may is none.
    """
    pipeline = f"version: 1\ndataset: [{{x: a}}]\nsteps:\n  - {{id: s, python: f.py:f, output: {output}}}\n"

    found = load(pipeline, {"f.py": f"{HEAD}{hint}:\n    return None\n"}).problems

    assert found == ([] if problem is None else [f"4:37: {problem}"])
