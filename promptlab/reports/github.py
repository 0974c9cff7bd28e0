"""Workflow commands that annotate a pull request at the lines of failed checks and gates."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

from promptlab.core.frozen import slotted
from promptlab.core.words import plural
from promptlab.loader.nodes import Place
from promptlab.loader.written import Written
from promptlab.reports.faults import LEFT, Fault, faults, warnings
from promptlab.reports.inert import one_line, visible
from promptlab.schemas.report import GateResult, RunReport, RunSummary
from promptlab.schemas.run import TrialResult, everywhere

MOST = 10  # GitHub shows as many errors, and as many warnings, of a step
SHOWN_TRIALS = 3
LONGEST_REASON = 300
LONGEST_TITLE = 200
TEXT_ESCAPES = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
PROPERTY_ESCAPES = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})

type Spot = tuple[str, int, int]  # file, line and column; 0 where they are not known


@slotted
class Group:
    """The trials in which one check failed, or one step erred: how many, and the first of them."""

    title: str
    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, trial: TrialResult, reason: str) -> None:
        self.count += 1
        if len(self.examples) < SHOWN_TRIALS:
            row = one_line(trial.key.row_id, LONGEST_TITLE)
            self.examples.append(f"{row} ({trial.key.cell}): {visible(reason, LONGEST_REASON)}")

    @property
    def message(self) -> str:
        more = self.count - len(self.examples)
        rest = [f"and {plural(more, 'more trial')}"] if more else []
        return "\n".join((f"in {plural(self.count, 'trial')}", *self.examples, *rest))


type Groups = dict[tuple[Spot, str], Group]


@slotted
class _Found:
    """What a run has to annotate."""

    written: Written | None
    path: str
    folder: str
    errors: Groups = field(default_factory=dict)
    warnings: Groups = field(default_factory=dict)

    def add(self, trial: TrialResult) -> None:
        if trial.status in ("failed", "errored", "left"):
            self._put(self.errors, trial, faults(trial))
        self._put(self.warnings, trial, warnings(trial))

    def spot(self, place: Place | None) -> Spot:
        if place is None:
            return f"{self.folder}{self.path}", 0, 0
        return f"{self.folder}{place.source.file}", place.line, place.column

    def _put(self, groups: Groups, trial: TrialResult, found: Iterable[Fault]) -> None:
        seen: set[tuple[Spot, str]] = set()
        for fault in found:
            title = _title(fault)
            key = (self._of(fault, trial.key.cell), title)
            if key not in seen:
                seen.add(key)
                groups.setdefault(key, Group(title)).add(trial, fault.reason)

    def _of(self, fault: Fault, cell: str) -> Spot:
        if self.written is None or (fault.check is None and fault.step is None):
            return self.spot(None)
        if fault.check is None:
            return self.spot(self.written.step(cell, fault.step or ""))
        return self.spot(self.written.check(cell, fault.step, fault.check))


def report(source: RunReport) -> Iterator[str]:
    """Give an annotation for each failed gate, check and step: gates first, then in order of place."""
    summary, origin = source.summary, source.origin
    written = None if origin.path is None else Written(origin.path, origin.files())
    found = _Found(written, origin.path or "", origin.folder)
    for trial in source.trials():
        found.add(trial)
    for level, lines in (("error", [*_stopped(found, summary)]), ("warning", [])):
        groups = found.errors if level == "error" else found.warnings
        gates = [_of_gate(level, found, gate) for gate in summary.gates if _level(gate) == level]
        checks = [_of_group(level, spot, groups[spot, title]) for spot, title in sorted(groups)]
        yield from _bounded(level, [*lines, *gates, *checks])


def _bounded(level: str, lines: list[str]) -> Iterator[str]:
    yield from lines[:MOST]
    if len(lines) > MOST:
        more = f"and {plural(len(lines) - MOST, f'more {level}')}, which GitHub would not show"
        yield f"::notice title=promptlab::{more}\n"


def _title(fault: Fault) -> str:
    step = everywhere(fault.step) if fault.step is not None else None
    name = "/".join(part for part in (step, fault.check) if part)
    return f"{name or 'trial'} {fault.status}"


def _level(gate: GateResult) -> str | None:
    if gate.status == "passed":
        return None
    return "error" if gate.status == "failed" and gate.severity == "error" else "warning"


def _stopped(found: _Found, summary: RunSummary) -> Iterator[str]:
    left = summary.planned - sum(summary.trials.values())
    if summary.stopped is not None or left > 0:
        message = f"{plural(max(left, 0), 'trial')} {LEFT}: {summary.told_stopped or summary.status}"
        yield _line("error", found.spot(None), "run stopped", message)


def _of_gate(level: str, found: _Found, gate: GateResult) -> str:
    place = None if found.written is None else found.written.gate(gate)
    title = f"gate {gate.metric} {gate.bounds} {gate.status}"
    return _line(
        level, found.spot(place), title, f"{gate.reason} ({gate.cell})" if gate.cell else gate.reason
    )


def _of_group(level: str, spot: Spot, group: Group) -> str:
    return _line(level, spot, group.title, group.message)


def _line(level: str, spot: Spot, title: str, message: str) -> str:
    file, line, column = spot
    placed = {"file": file} if file else {}
    at = {"line": f"{line}", "col": f"{column}"} if line else {}
    properties = placed | at | {"title": f"promptlab: {one_line(title, LONGEST_TITLE)}"}
    return f"::{level} {_properties(properties)}::{visible(message).translate(TEXT_ESCAPES)}\n"


def _properties(properties: Mapping[str, str]) -> str:
    return ",".join(
        f"{name}={visible(value).translate(PROPERTY_ESCAPES)}" for name, value in properties.items()
    )
