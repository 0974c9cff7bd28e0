"""What holds for every type of check that goes by what somebody else says: models, functions, expressions."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlab.core.json import JSON
from promptlab.engine.catalog import CHECKS
from promptlab.engine.check import Evidence
from promptlab.engine.check_reading import read_check
from promptlab.engine.completion import Completion
from promptlab.engine.function import Function, Parameter
from promptlab.engine.judged import JudgedCheck
from promptlab.engine.judging import judge
from promptlab.engine.question import Question
from promptlab.engine.ruling import named
from promptlab.engine.scope import Names
from promptlab.schemas.run import Verdict
from promptlab.schemas.template import Template
from tests.judged import Resolver, evidence, read, step
from tests.test_checks import KINDS, json_values

CODE = {"python": "checks.py:judges", "expression": "output"}
JUDGED = {name: "the value" for name in CHECKS.names() if issubclass(CHECKS.get(name), JudgedCheck)}
TEXTS = st.text() | st.text(st.characters(categories=["Cs", "Cc"]), max_size=5)
OUTPUT = Parameter("output", required=True, annotation=None, kind="positional_or_keyword")
JUDGES = Function("checks.py", "judges", "", (OUTPUT,), False, False, 1, "", ())


def fitting(schema: Any) -> st.SearchStrategy[JSON]:
    """Give values of a schema of a judge's verdict; numbers are not held to its scale."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema["type"]:
        case "object":
            return st.fixed_dictionaries({key: fitting(one) for key, one in schema["properties"].items()})
        case "array":
            return st.lists(fitting(schema["items"]), max_size=3)
        case "number" | "integer":
            return st.floats(-1, 12) | st.integers(-1, 11)
        case "boolean":
            return st.booleans()
    return TEXTS


def answers_to(name: str) -> st.SearchStrategy[JSON]:
    """Give what may be said where a check of this type asks."""
    if name in CODE:
        said: dict[str, st.SearchStrategy[JSON]] = {
            "passed": st.booleans(),
            "score": st.floats(-0.5, 1.5),
            "reason": TEXTS,
        }
        return json_values | st.floats(0, 1) | st.fixed_dictionaries({}, optional=said)
    kind: Any = CHECKS.get(name)
    return fitting(kind.schema_of_verdict) | json_values


def hearing(output: JSON, said: JSON) -> Evidence:
    """Give an answer, and what is said of it by whoever is asked."""

    async def ask(question: Question) -> Completion:  # noqa: ARG001 - whatever it is
        return Completion(text=json.dumps(said))

    async def render(template: Template, names: Names) -> JSON:  # noqa: ARG001
        if template.kind == "prompt":
            return [{"role": "user", "content": "judge it"}]
        return said if template.kind == "expression" else "text"

    async def call(function: Function, arguments: object, **options: object) -> JSON:  # noqa: ARG001
        return said

    given_ = evidence(step(output), row={"query": "q", "context": "c"}, render=render)
    return replace(given_, ask=ask, call=call)


async def both(name: str, options: dict[str, JSON], given_: Evidence) -> tuple[Verdict, Verdict]:
    """Judge plainly and with `not-`."""
    resolver = Resolver({"checks.py:judges": JUDGES})
    sources: list[JSON] = [{**options, "type": name}, {**options, "type": f"not-{name}"}]
    checks = named([read_check(source, {"resolver": resolver}) for source in sources])
    plain, opposite = await judge(checks, step="step", evidence=given_)
    return plain, opposite


def test_every_type_has_its_properties_tested() -> None:
    """
    Given the table of types,
    when those with properties of their own are counted, here and in the tests of deterministic checks,
    then none is missing.
    """
    deterministic = {read(source).type for source, _, _ in KINDS}

    assert deterministic | CODE.keys() | JUDGED.keys() == set(CHECKS.names())


@pytest.mark.parametrize("name", [*CODE, *sorted(JUDGED)])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
async def test_whatever_is_said_there_is_a_verdict(name: str, data: st.DataObject) -> None:
    """
    Given any output, and anything that a judge, function or expression may say of it,
    when it is judged, plainly and with `not-`,
    then both are errors, or they disagree with scores in 0..1 that add up to 1.
    """
    options: dict[str, JSON] = {"value": (CODE | JUDGED)[name]}
    if "value" not in CHECKS.get(name).model_fields:
        options = {}
    output, said = data.draw(json_values | TEXTS), data.draw(answers_to(name))

    plain, opposite = await both(name, options, hearing(output, said))

    assert 0 <= plain.score <= 1
    if plain.status == "errored":
        assert opposite.status == "errored"
    else:
        assert {plain.status, opposite.status} == {"passed", "failed"}
        assert plain.score + opposite.score == pytest.approx(1)


async def test_what_cannot_be_made_of_an_answer_is_told_to_each_check() -> None:
    """
    Given an answer that is no JSON,
    when several checks read it as JSON, which is tried once for all,
    then each says so.
    """
    sources: list[JSON] = ["is-json", "is-json", {"equals": [1]}, "contains-json"]
    checks = named([read(source) for source in sources])

    found = await judge(checks, step="step", evidence=evidence(step("{")))

    assert [one.status for one in found] == ["failed"] * 4
    assert found[0].reason == found[1].reason
