"""What a test says: a line of what passes; of what does not, each trial with what was expected and made."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import unified_diff
from itertools import islice
from typing import TYPE_CHECKING, override

from promptlab.cli.result import MARKS, NOT_PASSED, Failures, warnings
from promptlab.cli.result_more import more_lines
from promptlab.cli.result_recordings import unrecorded_lines
from promptlab.core.display import escaped
from promptlab.core.errors import NothingToRun
from promptlab.core.frozen import frozen
from promptlab.core.json import as_text
from promptlab.core.words import duration, plural, spent
from promptlab.engine.worker import Printed, print_to_stderr
from promptlab.schemas.events import Event
from promptlab.schemas.report import GateResult, RunSummary
from promptlab.schemas.run import TrialResult, Verdict

if TYPE_CHECKING:
    from rich.console import Console

ENDS = ("passed", "failed", "errored", "skipped")
MOST_TRIALS = 50
KEPT_TRIALS = 200
LONGEST_REASON = 500
LONGEST_LINE = 200
MOST_LINES = 20
GREEN, RED, WARN = MARKS["passed"], MARKS["failed"], MARKS["inconclusive"]
SAID_BY_ALL = ("pass_rate", "error_rate", "score")  # these have a value where nothing was checked
UNCHECKED = "nothing was checked: no check judged anything in this run"


class Silent:
    """Progress of a run that nobody watches."""

    def __call__(self, event: Event) -> None:
        pass

    def printed(self, printed: Printed) -> None:
        print_to_stderr(printed)

    def close(self) -> None:
        pass


class TestFailures(Failures):
    """Keeps more of what did not pass."""

    @property
    @override
    def is_full(self) -> bool:
        return len(self.first) >= KEPT_TRIALS


@frozen
class Tested:
    """A pipeline that was tested."""

    summary: RunSummary
    failures: Failures

    @property
    def code(self) -> int:
        """The exit code: nothing is green where nothing was checked."""
        return self.summary.exit_code if self.was_checked else NothingToRun.exit_code

    @property
    def was_checked(self) -> bool:
        """Whether anything was; checks that all errored have found nothing to be in order."""
        if self.summary.exit_code not in (0, 1) or any(map(_says_something, self.summary.gates)):
            return True
        return self.failures.judged if self.summary.exit_code == 0 else self.failures.checked


def _says_something(gate: GateResult) -> bool:
    return gate.metric not in SAID_BY_ALL and gate.value is not None and gate.status != "inconclusive"


def show_tested(console: "Console", tested: Tested) -> None:
    """Print what there is to say of a pipeline."""
    summary = tested.summary
    mark, style = GREEN if not tested.code else RED
    _say(console, f"{mark} {summary.pipeline}: {_told(summary)}", style)
    if tested.code:
        for trial in _in_order(tested.failures.first)[:MOST_TRIALS]:
            _show_trial(console, trial, several=len(summary.cells) > 1)
        _show_rest(console, tested)
    for gate in summary.gates if any(summary.trials.values()) else ():
        if gate.status == "inconclusive" or (tested.code and gate.status == "failed"):
            _show_gate(console, gate)
    if not tested.was_checked:
        _say(console, f"  {UNCHECKED}", "yellow")
    for line in unrecorded_lines(summary):
        _say(console, f"  {line}", "")
    for line in (*more_lines(summary), *warnings(summary)):
        _say(console, f"  {line}", "yellow")


def _show_gate(console: "Console", gate: GateResult) -> None:
    is_warning = gate.status == "failed" and gate.severity == "warn"
    mark, style = ("!", "yellow") if is_warning else MARKS[gate.status]
    _say(console, f"  {mark} gate: {gate.metric} {gate.bounds} in {gate.cell}: {gate.reason}", style)


def _told(summary: RunSummary) -> str:
    passed = [gate for gate in summary.gates if gate.status == "passed"]
    against = [gate.reason for gate in passed if gate.against is not None]
    gates = [f"{len(passed):,} of {plural(len(summary.gates), 'gate')} passed"] if summary.gates else []
    left = summary.planned - sum(summary.trials.values())
    ways = [_counted(summary.trials), f"{left:,} left" if left > 0 else ""]
    return " · ".join([", ".join(way for way in ways if way) or "no trial ended", *gates, *against[:1]])


def _counted(trials: Mapping[str, int]) -> str:
    return ", ".join(f"{trials[status]:,} {status}" for status in ENDS if trials.get(status))


def _in_order(trials: Sequence[TrialResult]) -> list[TrialResult]:
    return sorted(trials, key=lambda one: one.key.place)


def _show_trial(console: "Console", trial: TrialResult, *, several: bool) -> None:
    key = trial.key
    cell = f" {key.cell}" if several or key.cell != "base" else ""
    repeat = f" repeat {key.repeat}" if key.repeat else ""
    _say(console, f"  row {key.row} ({key.row_id}){cell}{repeat} {trial.status}", "bold")
    errors = [
        f"{step.id}: {step.error}" for step in trial.all_steps if step.status == "errored" and step.error
    ]
    for error in errors or ([trial.error] if trial.error else []):
        _say(console, f"    {_cut(error, LONGEST_REASON)}", "red")
    for verdict in trial.all_verdicts:
        if verdict.status in NOT_PASSED:
            _show_verdict(console, trial, verdict)


def _show_verdict(console: "Console", trial: TrialResult, verdict: Verdict) -> None:
    where = f"{verdict.step}/{verdict.name}" if verdict.step else verdict.name
    warned = "" if verdict.severity == "error" else " (a warning)"
    _say(console, f"    {where}{warned}: {_cut(verdict.reason, LONGEST_REASON)}", "")
    for line, style in _difference(trial, verdict):
        _say(console, f"      {line}", style)


def _difference(trial: TrialResult, verdict: Verdict) -> Iterator[tuple[str, str]]:
    """Give what was expected with -, and what was made with +; where nothing was, what was made."""
    if verdict.versus is None:
        made = _made(trial, verdict)
        lines = [f"+ {line}" for line in made.split("\n")] if made is not None else []
    else:
        expected, got = (text.split("\n") for text in verdict.versus)
        found = islice(unified_diff(expected, got, lineterm="", n=2), 3, None)
        lines = ["…" if line.startswith("@@") else f"{line[:1]} {line[1:]}" for line in found]
    for line in lines[:MOST_LINES]:
        style = {"-": "red", "+": "green"}.get(line[:1], "dim")
        yield _cut(line, LONGEST_LINE), style
    if len(lines) > MOST_LINES:
        yield f"… {plural(len(lines) - MOST_LINES, 'line')} more", "dim"


def _made(trial: TrialResult, verdict: Verdict) -> str | None:
    if verdict.step is None:
        return None if trial.outputs is None else as_text(trial.outputs)
    made = next((step.made for step in trial.all_steps if step.id == verdict.step), None)
    return None if made is None else as_text(made)


def _show_rest(console: "Console", tested: Tested) -> None:
    total = sum(tested.summary.trials.get(status, 0) for status in NOT_PASSED)
    if total > MOST_TRIALS:
        run = tested.summary.run_id
        _say(
            console, f"  … and {total - MOST_TRIALS:,} more: promptlab report {run} --format markdown", "dim"
        )


def show_totals(console: "Console", tested: Sequence[Tested]) -> None:
    """Print the last line: what of all passed, and what it took."""
    if not tested:
        return
    counts = Counter[str]()
    for one in tested:
        counts.update(one.summary.trials)
    red = sum(1 for one in tested if one.code)
    pipelines = plural(len(tested), "pipeline")
    ended = f"{red:,} of {pipelines} did not pass" if red else f"{pipelines} passed"
    ways = _counted(counts)
    trials = f"{plural(counts.total(), 'trial')}: {ways}"
    calls = plural(sum(one.summary.calls.sent for one in tested), "call")
    paid = [one.summary.spent_usd for one in tested]
    money = spent(None if None in paid else sum(usd or 0.0 for usd in paid))
    seconds = duration(sum(one.summary.seconds for one in tested))
    _say(console, " · ".join([ended, trials if ways else "no trial ended", calls, money, seconds]), "")


def _say(console: "Console", line: str, style: str) -> None:
    console.print(escaped(line), style=style, soft_wrap=True)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"
