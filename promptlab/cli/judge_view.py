"""Shows how far judges and people agree."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from promptlab.analysis.agreement import Confusion
from promptlab.analysis.intervals import Interval
from promptlab.cli.console import out_console
from promptlab.cli.tables import Grid, show_grid
from promptlab.core.display import escaped
from promptlab.core.errors import UsageError
from promptlab.core.json import JSON, plain
from promptlab.core.words import percent, plural
from promptlab.schemas.log import RunRecord
from promptlab.services.judge_report import Disagreement, JudgeAgreement, Unjudged

if TYPE_CHECKING:
    from rich.console import Console

SHOWN = 10
SAID = {True: "pass", False: "fail"}
WITHOUT: Mapping[Unjudged, str] = {
    "errored": "errored",
    "skipped": "was skipped",
    "missing": "gave no verdict",
}
ONE_SIDED = "kappa cannot be told: both say the same of every answer; label some that are the other way"


def show_report(run: RunRecord, compared: Sequence[JudgeAgreement], *, as_json: bool) -> None:
    """Print each check that was compared. Raises UsageError where there was nothing to compare."""
    _require_overlap(run, compared)
    if as_json:
        checks: list[JSON] = [_object(one) for one in compared]
        found = {"schema_version": 1, "run_id": run.id, "pipeline": run.pipeline, "checks": checks}
        click.echo(plain(found))
        return
    console = out_console()
    for number, one in enumerate(compared):
        if number:
            console.print()
        _show(console, one)


def _require_overlap(run: RunRecord, compared: Sequence[JudgeAgreement]) -> None:
    if any(one.confusion.total for one in compared):
        return
    if not compared:
        raise UsageError("no label is of this check", hint="leave --check away to see the others")
    why = "; ".join(f"{one.check} {reason}" for one in compared for reason in _unjudged(one))
    raise UsageError(f"run {run.id} has no verdict of any answer that is labelled: {why}")


def _show(console: "Console", one: JudgeAgreement) -> None:
    found = one.confusion
    judges = f" · judged by {', '.join(one.judges)}" if one.judges else ""
    _say(console, f"{one.check} ({one.type}){judges}", "bold")
    show_grid(console, _numbers(found))
    show_grid(console, _crossed(found))
    if found.kappa is None and found.total:
        _say(console, ONE_SIDED, "yellow")
    for reason in _unjudged(one):
        _say(console, f"not counted: it {reason}", "yellow")
    if one.disagreements:
        answers = plural(len(one.disagreements), "answer")
        _say(console, f"{answers} of which they do not say the same:", "bold")
    for each in one.disagreements[:SHOWN]:
        _say(console, f"  {_line(each)}", "")
    if len(one.disagreements) > SHOWN:
        _say(console, f"  and {len(one.disagreements) - SHOWN:,} more; --json has all", "dim")


def _say(console: "Console", text: str, style: str) -> None:
    console.print(escaped(text), style=style, soft_wrap=True)


def _numbers(found: Confusion) -> Grid:
    kappa = "–" if found.kappa is None else f"{found.kappa:.3f}"
    rows = [
        ["labels", f"{found.total:,.0f}", ""],
        ["agreement", percent(found.agreement), _between(found.agreement_interval, percent)],
        ["Cohen's kappa", kappa, _between(found.kappa_interval, "{:.3f}".format)],
    ]
    return Grid(header=["", "", "95 % interval"], rows=rows, right=frozenset({1}))


def _between(interval: Interval | None, show: Callable[[float], str]) -> str:
    return "" if interval is None else f"{show(interval.low)} to {show(interval.high)}"


def _crossed(found: Confusion) -> Grid:
    rows = [
        ["judge: pass", f"{found.both:,.0f}", f"{found.judge_only:,.0f}"],
        ["judge: fail", f"{found.human_only:,.0f}", f"{found.neither:,.0f}"],
    ]
    return Grid(header=["", "human: pass", "human: fail"], rows=rows, right=frozenset({1, 2}))


def _unjudged(one: JudgeAgreement) -> list[str]:
    return [f"{WITHOUT[why]} for {plural(count, 'label')}" for why, count in sorted(one.unjudged.items())]


def _line(one: Disagreement) -> str:
    trial, verdict = one.verdict.trial, one.verdict
    repeat = f" repeat {trial.repeat}" if trial.repeat else ""
    item = f" {verdict.step}" if verdict.step and verdict.step.endswith("]") else ""
    said = f"human {SAID[one.human]}, judge {SAID[not one.human]} ({verdict.score:.3g})"
    return f"row {trial.row} ({trial.row_id}) {trial.cell}{repeat}{item}: {said}: {verdict.reason}"


def _object(one: JudgeAgreement) -> dict[str, JSON]:
    found = one.confusion
    confusion: dict[str, JSON] = {
        "pass": {"pass": found.both, "fail": found.judge_only},
        "fail": {"pass": found.human_only, "fail": found.neither},
    }
    return {
        "check": one.check.name,
        "step": one.check.step,
        "type": one.type,
        "judges": list(one.judges),
        "n": found.total,
        "unjudged": {why: one.unjudged[why] for why in WITHOUT},
        "agreement": found.agreement,
        "agreement_interval": _interval(found.agreement_interval),
        "kappa": found.kappa,
        "kappa_interval": _interval(found.kappa_interval),
        "confusion": confusion,
        "disagreements": [_disagreement(each) for each in one.disagreements],
    }


def _interval(found: Interval | None) -> dict[str, JSON] | None:
    return None if found is None else {**found.as_json()}


def _disagreement(one: Disagreement) -> dict[str, JSON]:
    trial, verdict = one.verdict.trial, one.verdict
    return {
        "row": trial.row,
        "row_id": trial.row_id,
        "variant": trial.variant,
        "axes": dict(trial.axes),
        "repeat": trial.repeat,
        "step": verdict.step,
        "human": SAID[one.human],
        "judge": SAID[not one.human],
        "score": verdict.score,
        "reason": verdict.reason,
    }
