"""Holds the verdicts of a run beside what people said of the same answers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import field
from typing import Literal

from promptlab.analysis.agreement import Confusion
from promptlab.core.display import shown
from promptlab.core.errors import UsageError
from promptlab.core.frozen import frozen, slotted
from promptlab.core.suggest import did_you_mean
from promptlab.loader.labels import Label
from promptlab.loader.problems import Problems
from promptlab.schemas.run import Place, TrialKey
from promptlab.services.labelled_run import CheckPlace, LabelledRun
from promptlab.services.verdicts import StoredVerdict

FEW = 5

type Unjudged = Literal["errored", "skipped", "missing"]


@frozen
class Disagreement:
    """A verdict that is not what the human said; `human`: whether that was a pass."""

    verdict: StoredVerdict
    human: bool


@slotted
class JudgeAgreement:
    """One check beside its labels. `unjudged`: labels of what it neither passed nor failed, and why."""

    check: CheckPlace
    type: str
    judges: dict[str, None] = field(default_factory=dict)
    counts: Counter[tuple[bool, bool]] = field(default_factory=Counter)  # by what judge and human said
    unjudged: Counter[Unjudged] = field(default_factory=Counter)
    disagreements: list[Disagreement] = field(default_factory=list)

    @property
    def confusion(self) -> Confusion:
        return Confusion(
            both=self.counts[True, True],
            judge_only=self.counts[True, False],
            human_only=self.counts[False, True],
            neither=self.counts[False, False],
        )

    def add(self, verdict: StoredVerdict | None, *, human: bool) -> None:
        if verdict is not None and verdict.judge is not None:
            self.judges[verdict.judge] = None
        if verdict is None:
            self.unjudged["missing"] += 1
        elif verdict.status == "errored" or verdict.status == "skipped":  # noqa: PLR1714 - narrows the rest
            self.unjudged[verdict.status] += 1
        else:
            passed = verdict.status == "passed"
            self.counts[passed, human] += 1
            if passed is not human:
                self.disagreements.append(Disagreement(verdict, human))


class JudgeReport:
    """Compares labels with a run. `check`: the name of the one that is asked for."""

    def __init__(self, run: LabelledRun, run_id: str, *, check: str | None = None) -> None:
        self._run = run
        self._run_id = run_id
        self._wanted = self._asked_for(check) if check is not None else None
        self._labelled: dict[tuple[Place, CheckPlace, str | None], int] = {}

    def compare(self, labels: Sequence[Label], problems: Problems) -> list[JudgeAgreement]:
        """Give each check that was labelled; labels that fit nowhere go to `problems`. Raises UsageError."""
        self._labelled.clear()
        found: dict[CheckPlace, JudgeAgreement] = {}
        for label in labels:
            try:
                check = self._check(label)
                if self._wanted in (None, check):
                    verdict = self._verdict(label, check)
                    agreement = JudgeAgreement(check, self._run.checks[check])
                    found.setdefault(check, agreement).add(verdict, human=label.passed)
            except _Wrong as wrong:
                place = label.place
                problems.add(place.source, place.position, str(wrong), code="label", hint=wrong.hint)
        return list(found.values())

    def _asked_for(self, name: str) -> CheckPlace:
        try:
            return self._named(name)
        except _Wrong as wrong:
            raise UsageError(f"--check {name}: {wrong}", hint=wrong.hint) from None

    def _named(self, name: str) -> CheckPlace:
        found = self._run.named(name)
        if len(found) > 1:
            names = ", ".join(map(str, found))
            raise _Wrong(f"several checks are called {shown(name)}", f"say which: {names}")
        if not found:
            known = [*map(str, self._run.checks), *(check.name for check in self._run.checks)]
            raise _Wrong(f"run {self._run_id} has no check {shown(name)}", did_you_mean(name, known) or None)
        return found[0]

    def _check(self, label: Label) -> CheckPlace:
        if label.check is not None:
            return self._named(label.check)
        return self._wanted or self._only()

    def _only(self) -> CheckPlace:
        """Give the one check that asked a model. Raises UsageError."""
        asking = list(self._run.asking)
        if len(asking) == 1:
            return asking[0]
        names = ", ".join(map(str, asking or self._run.checks))
        if not asking:
            hint = f"--check NAME takes any: {names}" if names else None
            raise UsageError(f"no check of run {self._run_id} asked a model", hint=hint)
        hint = f"--check NAME, or a column `check`: {names}"
        raise UsageError(f"several checks of run {self._run_id} asked a model", hint=hint)

    def _verdict(self, label: Label, check: CheckPlace) -> StoredVerdict | None:
        trial = self._trial(label)
        verdicts = [one for one in self._run.verdicts(trial, check) if label.step in (None, one.step)]
        if len(verdicts) > 1:
            steps = ", ".join(str(one.step) for one in verdicts[:FEW])
            raise _Wrong(f"{check} judged several items of {label.named}", f"say which in `step`: {steps}")
        before = self._labelled.setdefault((trial.place, check, label.step), label.place.line)
        if before != label.place.line:
            raise _Wrong(f"{label.named} is labelled twice", f"line {before} has it too; take one away")
        return verdicts[0] if verdicts else None

    def _trial(self, label: Label) -> TrialKey:
        found = [one for one in self._of_row(label) if label.cell in (None, one.cell, one.variant)]
        cells = list(dict.fromkeys(trial.cell for trial in found))
        if not cells:
            hint = did_you_mean(label.cell or "", [trial.cell for trial in self._run.trials(label)])
            raise _Wrong(f"{label.named} was not run in {shown(label.cell)}", hint)
        if len(cells) > 1:
            hint = f"say which in `cell`: {', '.join(cells)}"
            raise _Wrong(f"{label.named} was run in several cells", hint)
        repeats = [trial for trial in found if label.repeat in (None, trial.repeat)]
        numbers = ", ".join(str(trial.repeat) for trial in found[:FEW])
        if not repeats:
            raise _Wrong(f"{label.named} has no repeat {label.repeat}", f"it has: {numbers}")
        if len(repeats) > 1:
            raise _Wrong(f"{label.named} was run several times", f"say which in `repeat`: {numbers}")
        return repeats[0]

    def _of_row(self, label: Label) -> Sequence[TrialKey]:
        trials = self._run.trials(label)
        if not trials:
            near = did_you_mean(label.row_id, self._run.rows) if label.row_id is not None else ""
            raise _Wrong(f"run {self._run_id} has no {label.named}", near or None)
        return trials


class _Wrong(Exception):
    """A label does not say what it is of; the message says why."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint
