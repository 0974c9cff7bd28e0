"""From checks to verdicts: places, conditions, templates, thresholds, groups, code."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from promptlab.core.json import JSON
from promptlab.engine.check import Check, Evidence, Finding, Subject
from promptlab.engine.check_reading import read_check
from promptlab.engine.function import Function
from promptlab.engine.judging import judge
from promptlab.engine.rendering import Renderer
from promptlab.engine.ruling import named
from promptlab.engine.worker import Workers
from promptlab.loader.functions import read_function
from promptlab.schemas.run import MISSING, Verdict
from tests.judged import Resolver, evidence, step, verdict, verdicts


@pytest.fixture
async def renderer() -> AsyncIterator[Renderer]:
    async with Renderer() as renderer:
        yield renderer


@pytest.mark.parametrize(
    ("path", "status"),
    [("a.0.b", "passed"), ("a.1", "failed"), ("a.0.c", "failed"), ("a.b", "failed"), ("a.-1", "failed")],
)
async def test_a_path_leads_into_the_output(path: str, status: str) -> None:
    """
    Given an output of maps and lists,
    when a check says a path,
    then it judges what is there; nothing there is a failure, under `not-` too.
    """
    output: JSON = {"a": [{"b": "x"}]}

    plain = await verdict({"type": "equals", "value": "x", "path": path}, output)
    opposite = await verdict({"type": "not-equals", "value": "x", "path": path}, output)

    assert plain.status == status
    assert opposite.status == "failed"
    assert status == "passed" or f"nothing at path '{path}'" in opposite.reason


async def test_a_whole_number_is_a_path_too() -> None:
    """
    Given a list,
    when a check says its index as a number,
    then it judges that item.
    """
    said = await verdict({"type": "equals", "value": "b", "path": 1}, ["a", "b"])

    assert said.status == "passed"


async def test_of_leads_to_another_step_or_to_the_outputs() -> None:
    """
    Given two steps and outputs,
    when checks of a pipeline say `of`,
    then each judges what it names, and by default the outputs.
    """
    given = evidence(step("one", id="a"), step("two", id="b"), outputs={"x": 1})
    checks: list[JSON] = [
        {"type": "equals", "value": "two", "of": "b"},
        {"type": "equals", "value": {"x": 1}, "of": "outputs"},
        {"equals": {"x": 1}},
        {"type": "equals", "value": 1, "of": "c"},
    ]

    said = await verdicts(checks, given, at=None)

    assert [one.status for one in said] == ["passed", "passed", "passed", "errored"]
    assert said[3].reason == "the step 'c' has not run before this check"


@pytest.mark.parametrize(
    ("facts", "status", "reason"),
    [
        ({"status": "skipped"}, "skipped", "the step 'step' was skipped"),
        ({"status": "left"}, "skipped", "the step 'step' was left for a later run"),
        (
            {"status": "errored", "error": "no answer"},
            "errored",
            "the step 'step' gave nothing to judge: no answer",
        ),
        (
            {"status": "skipped", "error_kind": "dependency", "error": "needs 'a', which errored"},
            "errored",
            "the step 'step' gave nothing to judge: needs 'a', which errored",
        ),
    ],
)
async def test_a_step_without_output_is_not_judged(facts: dict[str, str], status: str, reason: str) -> None:
    """
    Given a step that made nothing,
    when its checks are judged,
    then they are skipped with it, but errored where an error is to blame, so that rates count it.
    """
    (said,) = await verdicts(["is-json"], evidence(step(MISSING, **facts)))

    assert (said.status, said.reason, said.score) == (status, reason, 0.0)


async def test_templates_see_columns_steps_and_what_is_judged(renderer: Renderer) -> None:
    """
    Given checks with templates and expressions,
    when they are judged with a renderer,
    then values, conditions and transforms see the row, the steps and the output.
    """
    row: dict[str, JSON] = {"label": "billing", "most": 3, "odd name": "x", "words": ["a", "b"]}
    given = evidence(step({"label": "billing", "text": "a b"}), row=row, render=renderer)
    checks: list[JSON] = [
        {"type": "equals", "value": "{{ label }}", "path": "label"},
        {"type": "word-count", "value": {"max": "{{ most }}"}, "path": "text"},
        {"type": "contains-all", "value": "{{ words }}", "path": "text"},
        {"type": "equals", "value": "{{ row['odd name'] }}", "transform": "'x'"},
        {"type": "equals", "value": "BILLING", "path": "label", "transform": "output | upper"},
        {"type": "equals", "value": 1, "when": "label == 'other'"},
        {"type": "equals", "value": "{{ step.output.label }}", "path": "label", "when": "output == label"},
        {"expression": "output.text | length < 10"},
        {"type": "expression", "value": "0.5", "threshold": 0.6},
        {"not-expression": "output.label == 'shipping'"},
    ]

    said = await verdicts(checks, given)

    assert [one.status for one in said] == [
        *["passed"] * 5,
        "skipped",
        "passed",
        "passed",
        "failed",
        "passed",
    ]
    assert said[5].reason == "`when` does not hold"


async def test_what_cannot_be_judged_is_an_error_and_stops_nothing(renderer: Renderer) -> None:
    """
    Given checks that cannot be rendered, read or decided,
    when they are judged beside a good one,
    then each is errored with its reason and the good one passes.
    """
    given = evidence(step("text"), row={"empty": "", "pattern": "("}, render=renderer)
    checks: list[JSON] = [
        {"contains": "{{ empty }}"},
        {"not-contains": "{{ empty }}"},
        {"regex": "{{ pattern }}"},
        {"equals": "{{ nobody }}"},
        {"expression": "output"},
        {"expression": "3"},
        {"contains": "text"},
    ]

    said = await verdicts(checks, given)

    assert [one.status for one in said] == [*["errored"] * 6, "passed"]
    assert said[1].reason == "its value was rendered as '': must not be empty, for any output would do"
    assert said[4].reason == "the expression gave 'text'; it must be true, false or a number from 0 to 1"
    assert all(one.score == 0 for one in said[:6])


class Broken(Check):
    """A check of somebody else that breaks, or scores beyond 1."""

    score: float | None = None

    async def judge(self, subject: Subject) -> Finding:
        if self.score is None:
            raise KeyError(subject.text)
        return Finding(True, self.score, "fine")


@pytest.mark.parametrize(
    ("score", "reason"),
    [
        (None, "KeyError: 'x'"),
        (1.5, "gave the score 1.5; a score is from 0 to 1"),
        (float("nan"), "gave the score nan"),
    ],
)
async def test_a_check_that_breaks_is_errored(score: float | None, reason: str) -> None:
    """
    Given a kind of check that raises or scores out of range,
    when it judges,
    then its verdict is errored and says so.
    """
    check = Broken(type="broken", score=score)

    (said,) = await judge(named([check]), step="step", evidence=evidence(step("x")))

    assert said.status == "errored"
    assert said.reason.startswith(reason)


@pytest.mark.parametrize(
    ("score", "type_", "status"), [(0.5, "x", "passed"), (0.4, "x", "failed"), (0.4, "not-x", "passed")]
)
async def test_a_threshold_decides_by_the_score(score: float, type_: str, status: str) -> None:
    """
    Given a check with a score and a threshold,
    when it is judged,
    then the score decides, and `not-` turns both round.
    """
    check = Broken(type=type_, score=score, threshold=0.5)

    (said,) = await judge(named([check]), step="step", evidence=evidence(step("x")))

    assert said.status == status
    assert said.score == (1 - score if check.negated else score)


async def test_a_verdict_carries_the_options_of_its_check() -> None:
    """
    Given a check with name, weight, metric and severity,
    when it is judged,
    then the verdict has them.
    """
    said = await verdict(
        {"type": "not-contains", "value": "x", "name": "n", "weight": 2, "metric": "m", "severity": "warn"},
        "y",
    )

    assert said == Verdict(
        step="step",
        name="n",
        type="not-contains",
        status="passed",
        score=1.0,
        reason="does not contain 'x'",
        metric="m",
        weight=2.0,
        severity="warn",
    )


GROUPS: list[tuple[JSON, str, float]] = [
    ({"all-of": [{"contains": "a"}, {"contains": "b"}]}, "failed", 0.5),
    ({"all-of": [{"type": "contains", "value": "a", "weight": 3}, {"contains": "b"}]}, "failed", 0.75),
    (
        {
            "type": "all-of",
            "value": [{"type": "contains", "value": "a", "weight": 3}, {"contains": "b"}],
            "threshold": 0.7,
        },
        "passed",
        0.75,
    ),
    ({"any-of": [{"contains": "b"}, {"contains": "a"}]}, "passed", 1.0),
    ({"not-any-of": [{"contains": "b"}, {"contains": "a"}]}, "failed", 0.0),
    ({"any-of": [{"cost": 1}, {"contains": "a"}]}, "passed", 1.0),
    ({"any-of": [{"cost": 1}, {"contains": "b"}]}, "errored", 0.0),
    ({"all-of": [{"cost": 1}, {"contains": "b"}]}, "failed", 0.0),
    ({"all-of": [{"cost": 1}, {"contains": "a"}]}, "errored", 0.0),
    (
        {"all-of": [{"any-of": [{"contains": "a"}]}, {"type": "contains", "value": "a", "of": "other"}]},
        "failed",
        0.5,
    ),
    ({"all-of": [{"type": "contains", "value": "a", "of": "gone"}]}, "skipped", 0.0),
    ({"type": "all-of", "value": [{"type": "contains", "value": "a", "weight": 0}]}, "passed", 1.0),
]


@pytest.mark.parametrize(("source", "status", "score"), GROUPS)
async def test_groups_weigh_their_checks(source: JSON, status: str, score: float) -> None:
    """
    Given a group over an output whose cost is unknown,
    when it is judged,
    then an error counts only where the rest does not decide, and what was skipped not at all.
    """
    given = evidence(step("a", cost_usd=None), step("b", id="other"), step(id="gone", status="skipped"))

    (said,) = await verdicts([source], given)

    assert (said.status, said.score) == (status, score), said.reason


CODE = """
def yes(output): return output == "x"
def share(output, label): return 0.25 if label == "l" else 1
def seen(output, context, row, steps, inputs):
    return context == {"row": row, "steps": steps, "inputs": inputs} and steps["step"]["output"] == output
def anything(output, **rest): return sorted(rest) == ["context", "inputs", "row", "steps"]
def explained(output): return {"passed": False, "score": 0.75, "reason": "so so"}
def scored(output): return {"score": 0.75}
async def waits(output): return True
def nothing(output): pass
def much(output): return 7
def wrong(output): raise LookupError("no such thing")
def demands(output, missing): return True
"""


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Function]]:
    root = tmp_path_factory.mktemp("project")
    (root / "checks.py").write_text(CODE)
    found: dict[str, Function] = {}
    for line in CODE.splitlines():
        if "def " in line:
            reference = f"checks.py:{line.partition('def ')[2].partition('(')[0]}"
            function = read_function(reference, lambda _path: CODE.encode())
            assert isinstance(function, Function)
            found[reference] = function
    return root, found


FUNCTIONS: list[tuple[str, dict[str, JSON], str, float, str]] = [
    ("yes", {}, "passed", 1.0, "yes gave true"),
    ("share", {}, "passed", 0.25, "share gave 0.25"),
    ("share", {"threshold": 0.5}, "failed", 0.25, "share gave 0.25"),
    ("seen", {}, "passed", 1.0, ""),
    ("anything", {}, "passed", 1.0, ""),
    ("explained", {}, "failed", 0.75, "so so"),
    ("explained", {"threshold": 0.5}, "failed", 0.75, "so so"),
    ("scored", {"threshold": 0.8}, "failed", 0.75, ""),
    ("waits", {}, "passed", 1.0, ""),
    ("nothing", {}, "errored", 0.0, "nothing gave 'null'; it must be true, false or a number from 0 to 1"),
    ("much", {}, "errored", 0.0, "much gave '7'"),
    ("wrong", {}, "errored", 0.0, ""),
    ("demands", {}, "errored", 0.0, "the function wants missing"),
]


async def test_functions_of_the_project_judge(functions: tuple[Path, dict[str, Function]]) -> None:
    """
    Given functions that give truths, numbers, explanations and nonsense,
    when they judge in a worker,
    then each gets what it declares, and what it gives becomes a verdict.
    """
    root, found = functions
    context = {"resolver": Resolver(found)}
    sources: list[JSON] = [
        {"type": "python", "value": f"checks.py:{name}", **more} for name, more, *_ in FUNCTIONS
    ]
    checks = named([read_check(source, context) for source in sources])
    async with Workers(root) as workers:
        results = {"step": step("x")}
        given = Evidence(
            inputs={}, row={"label": "l"}, results=results, render=evidence().render, call=workers.call
        )

        said = await judge(checks, step="step", evidence=given)

    for one, (name, _, status, score, reason) in zip(said, FUNCTIONS, strict=True):
        assert (name, one.status, one.score) == (name, status, score), one.reason
        assert one.reason.startswith(reason)
