"""A name that has no value yet may stand wherever a value may: `validate` refuses nothing for that."""

import json

from promptlab.engine.templating.vocabulary import FILTERS, STRING_METHODS, TESTS
from tests.loading_kit import load

OPERATORS = ("+", "-", "*", "/", "//", "**", "<", ">=", "==", "in", "not in", "~", "and")
VALUES = ("'abc'", "12", "['a', 'b']", "{'a': 1}")
ARGUMENTS = ("n", "n, n", "'a', n", "['a', n]")
CALLED = (
    *(f"range({given})" for given in ("n", "1, n", "n, 5", "1, 9, n", "n, n", "n.a", "*n")),
    *(f"'abc'.{name}({given})" for name in sorted(STRING_METHODS) for given in ARGUMENTS[:2]),
    *(f"'abc'.{name}('a', n)" for name in ("replace", "find", "count", "split", "startswith")),
    "'-'.join(['a', n])",
    "{'a': 1}.get(n, n)",
    "[1, 2].index(n)",
)
PIPED = tuple(
    f"{value} | {name}({given})"
    for name in sorted(FILTERS)
    for value in VALUES[1:3]
    for given in ("n", "1, n")
    if name not in ("map", "select", "reject", "selectattr", "rejectattr")
)
TESTED = tuple(f"{value} is {name}(n)" for name in sorted(TESTS) if name.isalpha() for value in VALUES[:2])
JOINED = tuple(f"{pair}" for sign in OPERATORS for pair in (f"n {sign} 'abc'", f"12 {sign} n"))
CUT = tuple(f"{value}[{part}]" for value in ("'abc'", "range(5)") for part in ("n", "n:", ":n", "::n"))
LOOPS = """\
version: 1
inputs: {n: integer}
dataset: [{n: 2}]
steps:
  - id: outer
    foreach: range(n)
    as: many
    steps:
      - id: inner
        foreach: range(many)
        steps:
          - id: say
            messages: [{role: user, content: "{% for i in range(n) %}{{ i }}{% endfor %}{{ 'x' * n }}"}]
            with: {n: "{{ range(n) | list | length }}"}
            checks: [expression: range(n) | length == 2]
  - {id: count, python: "f.py:f", with: {given: "{{ range(n) | list }}"}}
outputs: {all: "{{ range(n) | list }}"}
"""
FILES = {"f.py": "def f(**given):\n    return 1\n"}


def test_a_name_may_stand_wherever_a_value_may() -> None:
    """
    Given every function, method, filter, test and operator with a name in the place of a value,
    when they are loaded,
    then nothing is refused.
    """
    expressions = [*CALLED, *PIPED, *TESTED, *JOINED, *CUT]
    values = {f"v{number}": f"{{{{ {expression} }}}}" for number, expression in enumerate(expressions)}

    found = load(
        "version: 1\ninputs: {n: any}\ndataset: [{n: 1}]\n"
        f"steps: [{{id: s, python: 'f.py:f', with: {json.dumps(values)}}}]",
        FILES,
    )

    assert found.messages == []


def test_a_range_of_an_input_is_taken_everywhere() -> None:
    """
    Given `range` over an input and over the item of an outer loop, in every place that takes an expression,
    when it is loaded,
    then nothing is refused.
    """
    assert load(LOOPS, FILES).problems == []


def test_what_fails_without_the_name_is_still_refused() -> None:
    """
    Given an expression that names an input, and fails whatever that is,
    when it is loaded,
    then it is refused.
    """
    wrong = "{% for i in range('a') %}{{ n }}{% endfor %}"

    found = load(LOOPS.replace("{% for i in range(n) %}{{ i }}{% endfor %}", wrong), FILES)

    assert found.messages == ["'str' object cannot be interpreted as an integer"]
