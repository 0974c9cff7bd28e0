"""Runs as reports see them: with texts that try to be more than text, and with every way to end."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from promptlab.reports import REPORTS
from promptlab.schemas.report import NOWHERE, Calls, GateResult, Origin, RunReport, RunSummary
from promptlab.schemas.run import StepResult, TrialKey, TrialResult, TrialStatus, Verdict

HOSTILE = [
    "=HYPERLINK(1)",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1",
    'quote " comma , line\nbreak',
    "<script>alert(1)</script>",
    "</script><script>document.title='owned'</script>",
    "</pre></details><img src=x onerror=\"document.title='owned'\"><a href='javascript:alert(1)'>here</a>",
    "]]><!-- --> &lt; &#60; <![CDATA[ x",
    "[[ATTACHMENT|/etc/passwd]]",
    "\n::error file=x,line=1::owned %0A,: %",
    "[link](http://evil) ![image](http://evil) www.evil.example",
    "`code` *bold* _it_ | cell | ~~x~~ # h $x$",
    "@someone mail@evil.example #12 owner/repo#3 </summary>",
    "a\0b\x1b[31mred\x1b[0m\x9b2J\u2028\u202eolleh",
    "\ud800 lone \ufffe \uffff",
    "x" * 10_000,
    "",
]
CELL = "base t=0.7"
STATUSES: tuple[TrialStatus, ...] = ("passed", "failed", "errored", "skipped", "left")


def trial_of(row: int, text: str, *, passed: bool = False, cell: str = CELL) -> TrialResult:
    """Give a trial whose row, output, check and reason are a text."""
    verdict = Verdict(
        step="say",
        name=f"{text[:20]}|check",
        type="equals",
        status="passed" if passed else "failed",
        score=float(passed),
        reason=f"got {text}",
    )
    step = StepResult(id="say", status="passed", output=text, model="echo/echo", verdicts=(verdict,))
    key = TrialKey(row=row, row_id=text[:30] or "empty", cell=cell, axes={"t": 0.7})
    return TrialResult(
        key=key,
        status="passed" if passed else "failed",
        inputs={"word": text, "number": -1, "list": [text]},
        outputs={"answer": text},
        steps=(step, StepResult(id="left", status="skipped")),
    )


def ended(row: int, status: TrialStatus, *, cell: str = CELL) -> TrialResult:
    """Give a trial that ended in a given way; one that erred says `it broke`."""
    trial = trial_of(row, f"text {row}", passed=status != "failed", cell=cell)
    if status in ("passed", "failed"):
        return trial
    error = {"error": "it broke", "error_kind": "server"} if status == "errored" else {}
    step = StepResult(id="say", status=status, **error)  # type: ignore[arg-type]
    return replace(trial, status=status, outputs=None, steps=(step,))


TRIALS = [trial_of(row, text) for row, text in enumerate(HOSTILE)]
SUMMARY = RunSummary(
    run_id="01m83",
    pipeline="tri|age <b>",
    status="failed",
    trials={"passed": 0, "failed": len(HOSTILE)},
    calls=Calls(sent=3, attempts=4, recalled=1),
    metrics={"pass_rate": 0.0},
    cells={CELL: {"pass_rate": 0.0, "cost_usd": None}},
    checks={CELL: {"say/a|b": 0.0}},
    gates=(GateResult(metric="pass_rate", cell=CELL, value=0.0, status="failed", min=0.9, reason="<i>low"),),
    planned=len(HOSTILE),
)


def summary_of(trials: Iterable[TrialResult], *, gates: tuple[GateResult, ...] = ()) -> RunSummary:
    """Give a summary that counts these trials."""
    counts: dict[str, int] = {"passed": 0, "failed": 0, "errored": 0, "skipped": 0}
    cells: dict[str, Mapping[str, float | None]] = {}
    planned = 0
    for trial in trials:
        planned += 1
        cells.setdefault(trial.key.cell, {"pass_rate": 0.5, "cost_usd": 0.01})
        if trial.status in counts:
            counts[trial.status] += 1
    return replace(SUMMARY, trials=counts, cells=cells, gates=gates, planned=planned)


def written(
    kind: str,
    trials: Iterable[TrialResult] = TRIALS,
    *,
    summary: RunSummary = SUMMARY,
    origin: Origin = NOWHERE,
) -> str:
    """Give the text of a report."""
    kept = list(trials)
    return "".join(REPORTS.get(kind)(RunReport(summary, lambda: kept, origin)))
