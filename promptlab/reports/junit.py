"""JUnit XML, as the `junit` step of Jenkins and the test reports of GitLab read it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import field
from hashlib import sha256

from promptlab.core.frozen import slotted
from promptlab.core.json import as_text
from promptlab.core.words import plural
from promptlab.reports.faults import LEFT, Fault, faults, warnings
from promptlab.reports.inert import one_line, visible
from promptlab.reports.junit_xml import LONGEST_MESSAGE, Attributes, case, cut, opened, properties, tag, time
from promptlab.reports.spool import Spool
from promptlab.schemas.report import GateResult, RunReport, RunSummary
from promptlab.schemas.run import TrialKey, TrialResult

LONGEST_NAME = 200
LONGEST_TEXT = 4_000
LONGEST_OUTPUT = 2_000
ROOM_FOR_OUTPUTS = 15_000_000  # bytes; GitLab refuses a file of 30 MB
REPEATED = re.compile(r" \(repeat \d+\)$")
DOT = "\u2024"  # Jenkins takes what follows a full stop for the name of the class


@slotted
class Suite:
    """The counts that a suite begins with."""

    tests: int = 0
    failures: int = 0
    errors: int = 0
    skipped: int = 0
    seconds: float = 0.0

    def count(self, result: str, seconds: float = 0.0) -> None:
        self.tests += 1
        self.failures += result == "failure"
        self.errors += result == "error"
        self.skipped += result == "skipped"
        self.seconds += seconds

    @property
    def attributes(self) -> Attributes:
        counts = {"tests": self.tests, "failures": self.failures, "errors": self.errors}
        return {name: str(count) for name, count in counts.items()} | {"time": time(self.seconds)}


@slotted
class Outputs:
    """What room is left for outputs in the whole file, and how many had none."""

    room: int = ROOM_FOR_OUTPUTS
    left_out: int = 0

    def take(self, text: str) -> str:
        """Give the text where there is room for it, else nothing."""
        size = len(text.encode())
        if size > self.room:
            self.left_out += 1
            return ""
        self.room -= size
        return text


@slotted
class _Suites:
    """The suites of a run, filled while its trials come."""

    spool: Spool
    pipeline: str
    file: str | None
    outputs: Outputs = field(default_factory=Outputs)
    by_cell: dict[str, Suite] = field(default_factory=dict)

    def add(self, trial: TrialResult) -> None:
        cell, seconds = trial.key.cell, (trial.latency_ms or 0.0) / 1000
        result, inner = _judged(trial)
        self.by_cell.setdefault(cell, Suite()).count(result, seconds)
        output = self.outputs.take(_output(trial))
        attributes = {"name": _name(trial.key), "classname": _class(self.pipeline, cell)}
        placed = {"file": self.file} if self.file is not None else {}
        self.spool.add(cell, case(attributes | placed, seconds, inner + output))


def report(source: RunReport) -> Iterator[str]:
    """Give a suite for each cell with a case for each trial, then one for gates and what was left undone."""
    summary, origin = source.summary, source.origin
    file = None if origin.path is None else origin.folder + origin.path
    with Spool() as spool:
        suites = _Suites(spool, summary.pipeline, file, by_cell={cell: Suite() for cell in summary.cells})
        for trial in source.trials():
            suites.add(trial)
        whole, cases = _of_run(summary, file)
        yield '<?xml version="1.0" encoding="UTF-8"?>\n'
        yield opened("testsuites", {"name": summary.pipeline} | _total([*suites.by_cell.values(), whole]))
        for cell, suite in suites.by_cell.items():
            yield opened("testsuite", _head(f"{summary.pipeline} {cell}", suite, file))
            yield properties(_cell_properties(summary, cell))
            yield from spool.texts(cell)
            yield "</testsuite>\n"
        yield opened("testsuite", _head(f"{summary.pipeline} gates", whole, file))
        yield properties(_run_properties(summary))
        yield from cases
        yield _left_out(suites.outputs.left_out)
        yield "</testsuite>\n</testsuites>\n"


def _total(suites: Iterable[Suite]) -> Attributes:
    total = Suite()
    for suite in suites:
        total.tests += suite.tests
        total.failures += suite.failures
        total.errors += suite.errors
        total.seconds += suite.seconds
    return total.attributes


def _head(name: str, suite: Suite, file: str | None) -> Attributes:
    placed = {"file": file} if file is not None else {}
    return {"name": name} | suite.attributes | {"skipped": str(suite.skipped)} | placed


def _judged(trial: TrialResult) -> tuple[str, str]:
    """Give the element that says how a trial ended, empty for a pass, and its text."""
    found = list(faults(trial))
    match trial.status:
        case "failed":
            return "failure", _element("failure", found, "failed")
        case "errored":
            errors = [fault for fault in found if fault.status == "errored"] or found
            return "error", _element(
                "error", [*errors, *(one for one in found if one not in errors)], "error"
            )
        case "left":
            return "error", _element("error", found, LEFT)
        case "skipped":
            return "skipped", tag("skipped", {"message": "all steps were skipped"})
        case "passed":
            return "", ""


def _element(name: str, found: list[Fault], otherwise: str) -> str:
    message = one_line(found[0].text if found else otherwise, LONGEST_MESSAGE)
    lines = "\n".join(visible(fault.text, LONGEST_MESSAGE) for fault in found) or otherwise
    kind = found[0].type if found else otherwise
    return tag(name, {"message": message, "type": kind}, cut(lines, LONGEST_TEXT))


def _output(trial: TrialResult) -> str:
    """Give the output with the warnings behind it."""
    output = "" if trial.outputs is None else visible(as_text(trial.outputs), LONGEST_OUTPUT)
    warned = (f"warning: {one_line(fault.text, LONGEST_MESSAGE)}" for fault in warnings(trial))
    text = cut("\n".join(part for part in (output, *warned) if part), LONGEST_TEXT)
    return tag("system-out", {}, text) if text else ""


def _name(key: TrialKey) -> str:
    """Give the row's id; what makes it another text or could be taken for a repeat is told by a hash."""
    shown = one_line(key.row_id, LONGEST_NAME)
    if shown != key.row_id or REPEATED.search(shown):
        shown += f" [{sha256(key.row_id.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}]"
    return f"{shown} (repeat {key.repeat + 1})" if key.repeat else shown


def _class(pipeline: str, cell: str) -> str:
    return f"{pipeline.replace('.', DOT)}.{cell.replace('.', DOT)}"


def _of_run(summary: RunSummary, file: str | None) -> tuple[Suite, list[str]]:
    """Give the gates as cases, and one for trials that never began."""
    suite, cases = Suite(), []
    where = {"file": file} if file is not None else {}
    for gate in summary.gates:
        name = f"gate {gate.metric} {gate.bounds}"
        attributes = {"name": name, "classname": _class(summary.pipeline, gate.cell or "gates")}
        result, inner = _gate(gate)
        suite.count(result)
        cases.append(case(attributes | where, 0.0, inner))
    left = summary.planned - sum(summary.trials.values())
    if summary.stopped is not None or left > 0:
        undone = f"{plural(max(left, 0), 'trial')} left: {summary.told_stopped or summary.status}"
        attributes = {"name": "run to its end", "classname": _class(summary.pipeline, "run")}
        suite.count("error")
        cases.append(
            case(attributes | where, 0.0, tag("error", {"message": undone, "type": "stopped"}, undone))
        )
    return suite, cases


def _gate(gate: GateResult) -> tuple[str, str]:
    if gate.status == "passed":
        return "", tag("system-out", {}, gate.reason) if gate.reason else ""
    if gate.status == "failed" and gate.severity == "error":
        return "failure", tag("failure", {"message": gate.reason, "type": "gate"}, gate.reason)
    word = "inconclusive" if gate.status == "inconclusive" else "warning"
    return "skipped", tag("skipped", {"message": f"{word}: {gate.reason}"})


def _cell_properties(summary: RunSummary, cell: str) -> Iterator[tuple[str, str]]:
    intervals = summary.measured.cell_intervals.get(cell, {})
    for name, value in summary.cells.get(cell, {}).items():
        yield name, _number(value)
        if name in intervals:
            yield f"{name}.low", _number(intervals[name]["low"])
            yield f"{name}.high", _number(intervals[name]["high"])
    for check, rate in summary.checks.get(cell, {}).items():
        yield f"check {check}", _number(rate)


def _run_properties(summary: RunSummary) -> Iterator[tuple[str, str]]:
    yield "run_id", summary.run_id
    yield "status", summary.status
    yield from ((name, _number(value)) for name, value in summary.metrics.items())
    for gate in summary.gates:
        yield f"gate {gate.metric} {gate.bounds} in {gate.cell}", f"{gate.status} ({_number(gate.value)})"


def _left_out(count: int) -> str:
    if not count:
        return ""
    return tag("system-out", {}, f"{plural(count, 'output')} left out: the file would be too large")


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.6g}"
