"""What a run shows at its end: a table of its cells, its gates, what did not pass, and what it cost."""

from collections.abc import Iterator
from dataclasses import field
from typing import TYPE_CHECKING

from promptlab.cli.result_more import more_lines, show_more
from promptlab.cli.result_recordings import recorded_line, unrecorded_lines
from promptlab.cli.result_table import result_grid
from promptlab.cli.tables import show_grid
from promptlab.core.display import escaped
from promptlab.core.frozen import slotted
from promptlab.core.json import as_text
from promptlab.core.words import at_most, duration, plural, spent
from promptlab.schemas.events import Event, TrialFinished
from promptlab.schemas.reason import reason_of
from promptlab.schemas.report import UNRECORDED, GateResult, RunSummary, StoodIn
from promptlab.schemas.run import TrialResult, TrialStatus
from promptlab.services.commands import OF_MONEY, check_command, resume_command

if TYPE_CHECKING:
    from rich.console import Console

NEW_DAY = "a new day begins at 00:00 UTC"
OF_SETTINGS = "of promptlab.yaml)"
NOTHING_USED = (": $0 is spent, and the next call", ": 0 are used, and the next call")
JUDGE_AGAIN = "the same command goes on: what judges said is recalled"
SHOWN = 5
SHOWN_TEXT = 60
SHOWN_REASON = 300
NOTHING_WAS_CALLED = 2
LIMITED = 4
NOTHING_CHECKED = "nothing was checked: no check judged anything in this run"
MARKS = {"passed": ("✓", "green"), "failed": ("✗", "red"), "inconclusive": ("?", "yellow")}
NOT_PASSED: tuple[TrialStatus, ...] = ("failed", "errored")


@slotted
class Failures:
    """Listens to a run and keeps the first trials that did not pass, and the first that errored.

    `checked`: whether there was a check at all; `judged`: whether one passed or failed.
    """

    first: list[TrialResult] = field(default_factory=list)
    errored: list[TrialResult] = field(default_factory=list)
    checked: bool = False
    judged: bool = False

    @property
    def is_full(self) -> bool:
        return len(self.first) >= SHOWN

    def __call__(self, event: Event) -> None:
        if isinstance(event, TrialFinished):
            self.add(event.result)

    def add(self, trial: TrialResult) -> None:
        said = {verdict.status for verdict in trial.all_verdicts}
        self.checked = self.checked or bool(said - {"skipped"})
        self.judged = self.judged or bool(said & {"passed", "failed"})
        if trial.status in NOT_PASSED and not self.is_full:
            self.first.append(trial)
        if trial.status == "errored" and len(self.errored) < SHOWN:
            self.errored.append(trial)


def show_result(
    console: "Console", summary: RunSummary, failures: Failures, *, resumable: bool = True
) -> None:
    """Print the result of a run for people; `resumable`: whether what is left of it can be resumed."""
    if any(summary.trials.values()):
        show_grid(console, result_grid(summary))
        show_more(console, summary)
        for gate in summary.gates:
            show_gate(console, gate)
    _show_failures(console, summary, failures)
    if not failures.checked and summary.status == "passed":
        _say(console, NOTHING_CHECKED, "yellow")
    for line in unrecorded_lines(summary):
        _say(console, line, "")
    _say(console, end_line(summary), "")
    for line in throttle_lines(summary):
        _say(console, line, "dim")
    for warning in (*more_lines(summary), *warnings(summary, resumable=resumable)):
        _say(console, warning, "yellow")


def _say(console: "Console", line: str, style: str) -> None:
    console.print(escaped(line), style=style, soft_wrap=True)


def show_gate(console: "Console", gate: GateResult) -> None:
    mark, style = MARKS[gate.status]
    if gate.status == "failed" and gate.severity == "warn":
        mark, style = "!", "yellow"
    _say(console, f"{mark} gate: {gate.metric} {gate.bounds} in {gate.cell}: {gate.reason}", style)


def _show_failures(console: "Console", summary: RunSummary, failures: Failures) -> None:
    """Show what did not pass; where gates let the run pass, only what errored."""
    green = summary.status == "passed"
    shown = failures.errored if green else failures.first
    if not shown:
        return
    total = sum(summary.trials.get(status, 0) for status in (("errored",) if green else NOT_PASSED))
    what = "errored" if green else "did not pass"
    first = f"The first {len(shown)} of {total:,} that {what}:" if total > len(shown) else f"{what}:"
    _say(console, first.capitalize(), "bold")
    for trial in shown:
        where = f"row {trial.key.row} ({trial.key.row_id}) {trial.key.cell}"
        gave = _short(as_text(trial.outputs)) if trial.outputs is not None else "no output"
        _say(console, f"  {where}: {gave}: {_cut(reason_of(trial), SHOWN_REASON)}", "")


def _short(text: str) -> str:
    return f"'{_cut(' '.join(text.split()), SHOWN_TEXT)}'"


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"


def end_line(summary: RunSummary) -> str:
    """Give the counts, calls and cost of a run in one line."""
    counts, calls = summary.trials, summary.calls
    names = ("passed", "failed", "errored", "skipped")
    done = ", ".join(f"{counts[name]:,} {name}" for name in names if counts.get(name))
    bought = f"{plural(calls.sent, 'call')}, {calls.recalled:,} recalled, {spent(summary.spent_usd)}"
    time = [duration(summary.seconds)] if summary.seconds else []
    run = [f"run {summary.run_id}"] if summary.run_id else []
    return " · ".join([done or "no trial ended", bought, *time, *run])


def throttle_lines(summary: RunSummary) -> Iterator[str]:
    """Say of each model how many calls it got at once, where that changed or calls were refused."""
    for model, course in summary.throttle.items():
        if course.has_changed:
            refused = (f"{count} × {status}" for status, count in course.refusals.items())
            yield ", ".join([f"{model}: {course.start} → {course.end} calls at once", *refused])


def _way_on(summary: RunSummary) -> str:
    if (summary.stopped or "").startswith(UNRECORDED):
        return f"nothing was called; with a key, this records what is missing: {summary.command}"
    if summary.exit_code == NOTHING_WAS_CALLED:
        return "nothing was called"
    reason = summary.stopped or ""
    is_of_day = NEW_DAY in reason
    if not is_of_day and any(nothing in reason for nothing in NOTHING_USED):
        return "the limit leaves no room for a call: raise it"
    if summary.command != resume_command(summary.run_id) and not summary.has_got_on:
        begins = "so a run with limits of its own begins where this one did"
        return f"no call was answered, {begins}: see why they failed, or raise the limit"
    return f"{_what_goes_on(summary, reason)}: {summary.command}"


def _what_goes_on(summary: RunSummary, reason: str) -> str:
    resume = resume_command(summary.run_id)
    if any(limit in reason for limit in OF_MONEY):
        own = "a run with a budget of its own recalls what was answered"
        return f"{resume} --max-cost USD goes on under a higher limit; {own}"
    if summary.command != resume:
        return "a run with limits of its own goes on, what was answered is recalled"
    if NEW_DAY in reason:
        return "this goes on from 00:00 UTC on, or once the limit is raised"
    return f"this goes on{' once the limit is raised' if OF_SETTINGS in reason else ''}"


def _about(one: StoodIn) -> str:
    return _cut(one.reason.removeprefix(f"{one.model}: "), SHOWN_REASON)


def _stood_in(one: StoodIn) -> str:
    times = plural(one.times, "time")
    if not one.recalled:
        return f"{one.fallback} was asked {times} where {one.model} failed: {_about(one)}"
    again = f"`--model {one.model}` asks it again"
    return f"{one.fallback} stood in {times} for {one.model}, which failed before ({again}): {_about(one)}"


def _of_errored(summary: RunSummary, *, resumable: bool) -> Iterator[str]:
    """Say what helps trials that errored: what was answered is recalled, so that only --fresh asks again."""
    again = summary.trials.get("errored", 0) - summary.unread - summary.unfit
    if again and resumable:
        yield f"{plural(again, 'trial')} errored; this runs them again: {resume_command(summary.run_id)}"
    if summary.unfit and resumable:
        anew = f"; this asks anew: {summary.anew}" if summary.anew is not None else ""
        errored = f"{plural(summary.unfit, 'trial')} errored over what a model answered"
        yield f"{errored}, which a resume recalls{anew}"
    if summary.unread:
        check = check_command(summary.run_id, "--fresh") if summary.run_id else "the same with --fresh"
        errored = f"{plural(summary.unread, 'trial')} errored over what a judge said, which is recalled"
        yield f"{errored}; this asks judges again: {check}"
    if summary.undecided:
        yield f"{_undecided(summary.undecided)}; this makes the others and recalls these: {summary.command}"


def _undecided(rows: int) -> str:
    have = "has" if rows == 1 else "have"
    return f"{plural(rows, 'row')} {have} too few repeats to be decided by these checks, and did not pass"


def warnings(summary: RunSummary, *, resumable: bool = True) -> Iterator[str]:
    for one in summary.stood_in:
        yield _stood_in(one)
    left = summary.planned - sum(summary.trials.values())
    if summary.stopped:
        yield f"stopped: {summary.stopped}"
    if summary.is_soft:
        yield "the limit is soft: a model has no known ceiling of output tokens; say params.max_tokens"
    if left > 0 and summary.status != "running":
        yield f"{plural(left, 'trial')} left; {_way_on(summary) if resumable else JUDGE_AGAIN}"
    if left <= 0 and summary.status != "running":
        yield from _of_errored(summary, resumable=resumable)
    if summary.recorded is not None:
        yield recorded_line(summary.recorded)
    if summary.unknown:
        attempts = plural(summary.unknown, "attempt")
        yield f"{attempts} of unknown outcome, {at_most(summary.unknown_usd)}"
