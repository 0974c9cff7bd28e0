"""A small model of what a trial comes to: each step of it one after the other, no calls, no time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import Any

from promptlab.core.json import JSON
from promptlab.engine.provider import ProviderError
from tests.generated import ATTEMPTS, LABELS, Deciding, Step, asked_again, shout

type Outcome = tuple[str, JSON]
type Row = Mapping[str, JSON]
type Done = dict[str, Outcome]

ERROR, DOOMED, NOTHING = ("errored", None), ("doomed", None), ("skipped", None)


@dataclass
class Model:
    """`ended`: how each step ended, and its output, by its path; `doomed` is skipped because of an error."""

    decide: Deciding
    pipelines: Mapping[str, Any]
    ended: Done = field(default_factory=dict)

    def run(self, steps: list[Step], row: Row, around: Mapping[str, Outcome], within: str = "") -> Done:
        """Give the same by id, of the steps alone."""
        written = {step["id"]: step for step in steps}
        needs = {name: set(step["needs"]) & written.keys() for name, step in written.items()}
        done: Done = dict(around)
        for name in TopologicalSorter(needs).static_order():
            done[name] = self.ended[f"{within}{name}"] = self._step(written[name], row, done, within + name)
        return {name: done[name] for name in written}

    def _step(self, step: Step, row: Row, done: Done, path: str) -> Outcome:
        if any(done[needed][0] in ("errored", "doomed") for needed in step["needs"]):
            return DOOMED
        wanted = condition(step.get("when"), row, done)
        if wanted is False:
            return NOTHING
        found = ERROR if wanted is None else self._outcome(step, row, done, path)
        return found if "foreach" in step else excused(step, found)

    def _outcome(self, step: Step, row: Row, done: Done, path: str) -> Outcome:
        if "foreach" in step:
            return self._for_each(step, row, done, path)
        if "pipeline" in step:
            steps = self.pipelines[step["pipeline"]]["steps"]
            return last(steps, self.run(steps, {"word": row["word"]}, {}, f"{path}."))
        if "python" in step:
            try:
                return "passed", shout(text=filled(step["with"]["text"], row, done))
            except ValueError:
                return ERROR
        return answer(step, filled(step["messages"][0]["content"], row, done), self.decide)

    def _for_each(self, step: Step, row: Row, done: Done, path: str) -> Outcome:
        if step["foreach"] == "word":
            return ERROR
        words = step["foreach"].strip("[]").split(", ") if step["foreach"] != "[]" else []
        items = [row["word"] if word == "word" else word.strip("'") for word in words]
        found = [
            last(step["steps"], self.run(step["steps"], {**row, step["as"]: item}, done, f"{path}[{index}]."))
            for index, item in enumerate(items)
        ]
        if ERROR in found and step["on_error"] == "fail":
            return ERROR
        gave = [excused(step, one) for one in found]
        return "passed", [output for status, output in gave if status == "passed"]


def last(steps: list[Step], done: Done) -> Outcome:
    """Give what steps make together: an error, else the output of the last one, or null."""
    if any(status == "errored" for status, _ in done.values()):
        return ERROR
    return "passed", seen(done[steps[-1]["id"]], None)


def excused(step: Step, found: Outcome) -> Outcome:
    on_error = step["on_error"]
    if found != ERROR or on_error == "fail":
        return found
    return NOTHING if on_error == "skip" else ("passed", on_error["default"])


def answer(step: Step, text: str, decide: Deciding) -> Outcome:
    for times in range(ATTEMPTS if "retry" in step else 1):
        said = decide(asked_again(text, times))
        if isinstance(said, ProviderError):
            return ERROR
        if said in LABELS or "output" not in step:
            return "passed", said
    return ERROR


def condition(when: str | None, row: Mapping[str, JSON], done: Mapping[str, Outcome]) -> bool | None:
    """Say whether a step is wanted; None where its condition cannot be told."""
    if when is None:
        return True
    if when == "word.nothing.there":
        return None
    left, operator, right = when.rsplit(" ", 2)
    value = row["word"] if left == "word" else seen(done[left.split(".")[0]], "no")
    return (value == right.strip("'")) is (operator == "==")


def filled(template: str, row: Mapping[str, JSON], done: Mapping[str, Outcome]) -> str:
    text = template
    for name, value in row.items():
        text = text.replace(f"{{{{ {name} }}}}", str(value))
    for name, found in done.items():
        text = text.replace(f"{{{{ {name}.output | default('none') }}}}", str(seen(found, "none")))
    return text


def seen(found: Outcome, default: str | None) -> JSON:
    return found[1] if found[0] == "passed" else default


def status_of(done: Mapping[str, Outcome]) -> str:
    statuses = {status for status, _ in done.values()}
    if "errored" in statuses:
        return "errored"
    return "skipped" if statuses <= {"skipped", "doomed"} else "passed"
