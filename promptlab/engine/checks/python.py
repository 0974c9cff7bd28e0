"""`python: path.py:function`: a function of the project judges."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any, ClassVar, Protocol, cast

from pydantic import Field

from promptlab.core.json import JSON
from promptlab.engine.check import CannotJudge, Check, Finding, Subject, cut, shown
from promptlab.engine.checks.scoring import finding_of, score_of
from promptlab.engine.function import Function
from promptlab.schemas.fields import FUNCTION

_OWN = ("output", "context", "inputs", "row", "steps")


class _Parameter(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def required(self) -> bool: ...


class _Declared(Protocol):
    @property
    def parameters(self) -> tuple[_Parameter, ...]: ...
    @property
    def accepts_extra(self) -> bool: ...


class PythonCheck(Check):
    """A function of the project says whether the output is right: `path.py:function`, sync or async.

    It is called with what it declares of `output inputs row steps context`, inputs and columns.

    `context` is a map of `inputs`, `row` (all columns) and `steps` (by id, each with `status`, `output` and
    `trace`). The function gives true or false, a number from 0 to 1 (it passes above 0, or from `threshold`
    up), or a map of `passed` (or `pass`), `score` and `reason`, of which 1,000 characters are kept.

    It runs in a process of its own, which is killed after `timeout` seconds, 30 if not said; the check is
    errored then, and the others go on.
    """

    threshold_is_score: ClassVar[bool] = False
    runs_code: ClassVar[bool] = True
    value: Annotated[Any, *FUNCTION]
    timeout: float | None = Field(default=None, gt=0)

    async def judge(self, subject: Subject) -> Finding:
        function: Function = self.value
        given = await subject.evidence.call(
            function, arguments(function, subject), timeout=self.timeout, any_text=True
        )
        if isinstance(given, dict):
            return _explained(given, self.threshold, what=function.name)
        return finding_of(given, threshold=self.threshold, what=function.name)


def wanted_by(function: Function, known: Collection[str]) -> list[str]:
    """Give what a function cannot do without that is none of the names `known`, of inputs and columns."""
    offered = {*known, *_OWN}
    return [item.name for item in function.parameters if item.required and item.name not in offered]


def arguments(function: Function, subject: Subject) -> dict[str, JSON]:
    """Give the function what it declares of what there is. Raises CannotJudge where something is missing."""
    declared = cast("_Declared", function)
    offered = _offered(subject)
    if declared.accepts_extra:
        return {name: offered[name] for name in _OWN} | _chosen(declared, offered)
    return _chosen(declared, offered)


def _chosen(declared: _Declared, offered: Mapping[str, JSON]) -> dict[str, JSON]:
    missing = [item.name for item in declared.parameters if item.required and item.name not in offered]
    if missing:
        raise CannotJudge(
            f"the function wants {', '.join(missing)}; a check has {', '.join(_OWN)}, inputs and columns"
        )
    return {item.name: offered[item.name] for item in declared.parameters if item.name in offered}


def _offered(subject: Subject) -> dict[str, JSON]:
    evidence = subject.evidence
    context: dict[str, JSON] = {
        "inputs": dict(evidence.inputs),
        "row": dict(evidence.row),
        "steps": {step: dict(names) for step, names in evidence.names.steps.items()},
    }
    return {**evidence.row, **evidence.inputs, **context, "context": context, "output": subject.output}


def _explained(given: dict[str, JSON], threshold: float | None, *, what: str) -> Finding:
    says = given.get("passed", given.get("pass"))
    if says is None and "score" not in given:
        raise CannotJudge(f"{what} gave {shown(given)}; a map has `passed` or `score`")
    if says is not None and not isinstance(says, bool):
        raise CannotJudge(f"{what} gave {shown(says)} for `passed`; it must be true or false")
    first = finding_of(says if says is not None else given["score"], threshold=threshold, what=what)
    score = score_of(given["score"], what=f"{what}'s `score`") if "score" in given else first.score
    enough = threshold is None or score >= threshold
    reason = given.get("reason")
    return Finding(first.passed and enough, score, cut(reason) if isinstance(reason, str) else first.reason)
