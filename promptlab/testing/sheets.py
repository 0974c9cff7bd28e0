"""What the items of a pipeline came to in one run, for whichever process asks."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Any

from promptlab.core.display import escaped
from promptlab.core.errors import PromptlabError
from promptlab.core.files import FileLock, private_file
from promptlab.core.frozen import frozen
from promptlab.library import InvalidPipeline, RunArguments, RunReport, run
from promptlab.loader.problem_formats import first_as_text
from promptlab.schemas.report import RunSummary
from promptlab.schemas.run import TrialResult
from promptlab.testing.judged import Status, status_of
from promptlab.testing.telling import told, told_error, told_gate, told_lacking

NOTE = "pytest"
SKIPPED = "every step was skipped"
UNCHECKED = "nothing was checked: no check judged it"

type Place = tuple[str, str]  # a row's id and a cell


@frozen
class Outcome:
    """How an item ended; `text` tells why it did not pass, `warnings` what is to be known all the same."""

    status: Status
    text: str = ""
    warnings: tuple[str, ...] = ()


@frozen(kw_only=True)
class Job:
    """What is run of a pipeline. `needed`: how many of `repeats` must pass, None: all.

    `places`: which rows in which cells are wanted, None: all there are.
    """

    path: Path
    shown: str
    repeats: int
    needed: int | None
    arguments: RunArguments
    places: frozenset[Place] | None = None

    def run(self) -> "Sheet":
        """Run it to its end; an expected error becomes the outcome of all items."""
        try:
            report = run(str(self.path), **self._arguments())
        except InvalidPipeline as error:
            return Sheet(otherwise=Outcome("errored", first_as_text(error.problems)))
        except PromptlabError as error:
            return Sheet(otherwise=Outcome("errored", told_error(error)))
        if report.summary.status == "interrupted":
            raise KeyboardInterrupt
        return self._sheet(report)

    def _arguments(self) -> RunArguments:
        trials = None if self.places is None else list(_trials(self.places, self.repeats))
        return {**self.arguments, "note": NOTE, "trials": trials}

    def _sheet(self, report: RunReport) -> "Sheet":
        summary, found = report.summary, dict[Place, Outcome]()
        for place, trials in groupby(report.trials(), _place_of):
            found[place] = self._outcome(summary, place, list(trials))
        if summary.unrecorded:
            lacking = _lacking_by_place(summary, self.shown)
            return Sheet(
                found | {place: one for place, one in lacking.items() if place not in found},
                otherwise=Outcome("errored", told_lacking(summary, self.shown, "", "")),
                gates=Outcome("errored", told_lacking(summary, self.shown, "", "")),
            )
        left = Outcome("errored", f"not run: {escaped(summary.stopped or 'the run ended before')}")
        return Sheet(found, otherwise=left, gates=left if summary.stopped else _gates(summary))

    def _outcome(self, summary: RunSummary, place: Place, trials: list[TrialResult]) -> Outcome:
        status = status_of(trials, self.needed)
        is_whole = len(trials) == self.repeats or not summary.stopped
        if is_whole or (status == "passed" and self.needed is not None):
            return _ended(status, trials)
        if summary.unrecorded:
            return Outcome("errored", told_lacking(summary, self.shown, *place))
        return Outcome("errored", f"not run to its end: {escaped(summary.stopped or '')}")


def _ended(status: Status, trials: list[TrialResult]) -> Outcome:
    """Give the outcome of a row in a cell; without a check that judged it, it has not passed."""
    if status in ("failed", "errored"):
        return Outcome(status, told(trials))
    if status == "skipped":
        return Outcome(status, SKIPPED)
    is_checked = any(verdict.status != "skipped" for trial in trials for verdict in trial.all_verdicts)
    return Outcome("passed") if is_checked else Outcome("skipped", UNCHECKED)


def _trials(places: Iterable[Place], repeats: int) -> Iterator[tuple[str, str, int]]:
    return ((*place, repeat) for place in places for repeat in range(repeats))


def _place_of(trial: TrialResult) -> Place:
    return trial.key.row_id, trial.key.cell


def _lacking_by_place(summary: RunSummary, shown: str) -> dict[Place, Outcome]:
    keys = [one.trial for one in summary.unrecorded if one.trial is not None]
    places = dict.fromkeys((key.row_id, key.cell) for key in keys)
    return {place: Outcome("errored", told_lacking(summary, shown, *place)) for place in places}


def _gates(summary: RunSummary) -> Outcome:
    failed = [gate for gate in summary.gates if gate.status == "failed" and gate.severity == "error"]
    doubtful = [gate for gate in summary.gates if gate.status != "passed" and gate not in failed]
    status: Status = "failed" if failed else "passed"
    return Outcome(status, "\n".join(map(told_gate, failed)), tuple(map(told_gate, doubtful)))


@frozen(slots=False)
class Sheet:
    """The outcomes of one run; `otherwise`: that of what it did not come to."""

    places: Mapping[Place, Outcome] = field(default_factory=dict)
    otherwise: Outcome = field(default_factory=lambda: Outcome("errored", "not run"))
    gates: Outcome | None = None

    def of(self, place: Place | None) -> Outcome:
        """Give how a row did in a cell; None: how the gates did."""
        found = self.gates if place is None else self.places.get(place)
        return found or self.otherwise

    def as_json(self) -> str:
        places = [[*place, _packed(one)] for place, one in self.places.items()]
        gates = _packed(self.gates) if self.gates is not None else None
        return json.dumps({"places": places, "otherwise": _packed(self.otherwise), "gates": gates})

    @classmethod
    def from_json(cls, text: str) -> "Sheet":
        kept = json.loads(text)
        gates = _unpacked(kept["gates"]) if kept["gates"] is not None else None
        places = {(row, cell): _unpacked(one) for row, cell, one in kept["places"]}
        return cls(places, _unpacked(kept["otherwise"]), gates)


def _packed(outcome: Outcome) -> list[object]:
    return [outcome.status, outcome.text, list(outcome.warnings)]


def _unpacked(kept: Any) -> Outcome:
    status, text, warnings = kept
    return Outcome(status, text, tuple(warnings))


@frozen(slots=False)
class Sheets:
    """The sheets of one test session. `shared`: the folder of all its processes, where there are several."""

    shared: Path | None = None
    known: dict[Path, Sheet] = field(default_factory=dict)

    def sheet(self, path: Path, make: Callable[[], Sheet]) -> Sheet:
        """Give the sheet of a pipeline; the first that asks, of all processes, has it made."""
        if path not in self.known:
            self.known[path] = make() if self.shared is None else _made_once(self.shared, path, make)
        return self.known[path]


def _made_once(shared: Path, path: Path, make: Callable[[], Sheet]) -> Sheet:
    file = shared / f"{sha256(str(path).encode()).hexdigest()[:32]}.json"
    with _held(file.with_suffix(".lock")):
        if file.exists():
            return Sheet.from_json(file.read_text(encoding="utf-8"))
        sheet = make()
        new = private_file(file.with_suffix(".new"))
        new.write_text(sheet.as_json(), encoding="utf-8")
        new.replace(file)
        return sheet


@contextmanager
def _held(path: Path) -> Iterator[None]:
    lock = FileLock(path)
    lock.wait()
    try:
        yield
    finally:
        lock.release()
