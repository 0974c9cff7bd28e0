"""What is said of one check: leads it to what it judges, asks it, and weighs its answer."""

from collections.abc import Sequence

from promptlab.core.errors import PromptlabError
from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.engine.check import CannotJudge, Check, DoesNotApply, Evidence, Finding, Subject, cut, shown
from promptlab.engine.function import FunctionError
from promptlab.engine.question import NotAsked
from promptlab.engine.scope import RenderFailed
from promptlab.schemas.run import MISSING, StepResult, VerdictStatus, _Missing

type NamedCheck = tuple[str, Check]


@frozen
class Ruling:
    """What is said of one check: a verdict without its check's name and options."""

    status: VerdictStatus
    score: float
    reason: str
    versus: tuple[str, str] | None = None


class _Stop(Exception):
    """There is a ruling before the check was asked."""

    def __init__(self, status: VerdictStatus, reason: str) -> None:
        super().__init__(reason)
        self.ruling = Ruling(status, 0.0, reason)


def named(checks: Sequence[Check]) -> tuple[NamedCheck, ...]:
    """Give each check its name: its own, else its type, then type-2 …

    Raises ValueError for a name used twice.
    """
    taken: set[str] = set()
    for check in checks:
        if check.name is not None and check.name in taken:
            raise ValueError(f"two checks have the name '{check.name}'")
        taken.update((check.name,) if check.name is not None else ())
    return tuple(
        (check.name if check.name is not None else free_name(check.type, taken), check) for check in checks
    )


def free_name(type_: str, taken: set[str]) -> str:
    """Give a name that is not taken yet, and take it."""
    name, number = type_, 1
    while name in taken:
        number += 1
        name = f"{type_}-{number}"
    taken.add(name)
    return name


async def rule_at(check: Check, step: str | None, evidence: Evidence) -> Ruling:
    """Rule on a check that stands at `step` (None: the pipeline)."""
    place = check.of if check.of is not None else step or "outputs"
    subject = evidence.subjects.get(place)
    if subject is None:
        try:
            subject = evidence.subjects[place] = _subject(place, evidence)
        except _Stop as stop:
            return stop.ruling
    return await _ruled(check, subject)


async def rule(check: Check, subject: Subject) -> Ruling:
    """Rule on a check inside a group, which judges what the group judges unless it says `of`."""
    if check.of is not None:
        return await rule_at(check, None, subject.evidence)
    return await _ruled(check, subject)


def _subject(place: str, evidence: Evidence) -> Subject:
    if place == "outputs":
        results = tuple(evidence.results.values())
        return Subject(output=_outputs(evidence, results), results=results, evidence=evidence)
    result = evidence.results.get(place)
    if result is None:
        raise _Stop("errored", f"the step '{place}' has not run before this check")
    return Subject(output=_step_output(result), results=(result,), evidence=evidence)


def _outputs(evidence: Evidence, results: tuple[StepResult, ...]) -> JSON:
    if not isinstance(evidence.outputs, _Missing):
        return evidence.outputs
    if any(result.status == "errored" for result in results):
        raise _Stop("errored", "there are no outputs, because a step errored")
    raise _Stop("skipped", "there are no outputs")


def _step_output(result: StepResult) -> JSON:
    if not isinstance(result.output, _Missing):
        return result.output
    if result.status == "errored" or result.error_kind == "dependency":
        raise _Stop(
            "errored", f"the step '{result.id}' gave nothing to judge: {result.error or 'it errored'}"
        )
    how = {"skipped": "was skipped", "left": "was left for a later run"}.get(result.status, "has no output")
    raise _Stop("skipped", f"the step '{result.id}' {how}")


async def _ruled(check: Check, subject: Subject) -> Ruling:
    try:
        is_plain = check.path is None and check.when is None and check.transform is None
        return _scored(check, await check.judge(subject if is_plain else await _prepared(check, subject)))
    except _Stop as stop:
        return stop.ruling
    except DoesNotApply as reason:
        return Ruling("skipped", 0.0, str(reason))
    except (CannotJudge, RenderFailed, FunctionError) as error:
        return Ruling("errored", 0.0, cut(str(error)))
    except (PromptlabError, NotAsked):
        raise
    except Exception as error:  # noqa: BLE001 - a kind of check is anyone's code
        return Ruling("errored", 0.0, cut(f"{type(error).__name__}: {error}"))


async def _prepared(check: Check, subject: Subject) -> Subject:
    """Lead to what is judged: `path`, then `when`, then `transform`."""
    found = value_at(subject.output, check.path) if check.path is not None else subject.output
    located = subject if isinstance(found, _Missing) or check.path is None else subject.with_output(found)
    if check.when is not None and not await located.render(check.when):
        raise _Stop("skipped", "`when` does not hold")
    if isinstance(found, _Missing):
        raise _Stop("failed", f"there is nothing at path '{check.path}' of {shown(subject.output)}")
    if check.transform is None:
        return located
    return located.with_output(await located.render(check.transform))


def value_at(value: JSON, path: str | int) -> JSON | _Missing:
    """Follow keys and indexes (from 0) joined by dots; MISSING where there is nothing."""
    for part in str(path).split("."):
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isascii() and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return MISSING
    return value


def _scored(check: Check, finding: Finding) -> Ruling:
    if not 0 <= finding.score <= 1:
        raise CannotJudge(f"gave the score {finding.score}; a score is from 0 to 1")
    passed = finding.passed
    if check.threshold_is_score and check.threshold is not None:
        passed = finding.score >= check.threshold
    if check.negated:
        return Ruling("failed" if passed else "passed", 1 - finding.score, finding.reason)
    if passed:
        return Ruling("passed", finding.score, finding.reason)
    return Ruling("failed", finding.score, finding.reason, finding.versus)
