"""One trial with all that happened in it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from promptlab.cli.spoken import spoken
from promptlab.core.display import escaped
from promptlab.core.json import JSON, as_text
from promptlab.core.words import money, plural
from promptlab.reports.trial_line import trial_object
from promptlab.schemas.run import Asked, StepResult, TrialResult, Verdict

if TYPE_CHECKING:
    from rich.console import Console

MARKS = {
    "passed": ("✓", "green"),
    "failed": ("✗", "red"),
    "errored": ("!", "magenta"),
    "skipped": ("–", "dim"),
}


def whole_trial(trial: TrialResult) -> dict[str, JSON]:
    """Give the object of a JSONL line, with the conversation of each step."""
    shown = trial_object(trial)
    steps: dict[str, JSON] = {
        step.id: {
            **step_object,
            "messages": [dict(message) for message in step.messages],
            "finish_reason": step.finish_reason,
        }
        for step, step_object in zip(trial.all_steps, _objects(shown["steps"]), strict=True)
    }
    return {**shown, "steps": steps, "tags": list(trial.tags)}


def _objects(steps: JSON) -> Iterator[dict[str, JSON]]:
    for step in steps.values() if isinstance(steps, dict) else ():
        yield step if isinstance(step, dict) else {}


def show_trial(console: "Console", trial: TrialResult) -> None:
    """Print inputs, each step with messages, output and checks, and what it cost."""
    key = trial.key
    repeat = f" repeat {key.repeat}" if key.repeat else ""
    _title(console, f"row {key.row} ({key.row_id}) {key.cell}{repeat}: {trial.status}", "bold")
    for name, value in trial.inputs.items():
        _block(console, name, as_text(value))
    for step in trial.all_steps:
        _show_step(console, step)
    if trial.verdicts or len(trial.steps) != 1:
        _title(console, "outputs", "bold cyan")
        _block(console, "", as_text(trial.outputs))
    _show_verdicts(console, trial.verdicts)
    if trial.error:
        _block(console, "error", trial.error, "magenta")


def _show_step(console: "Console", step: StepResult) -> None:
    _title(console, f"step {step.id}: {step.status}", "bold cyan")
    for message in step.messages:
        _block(console, str(message.get("role", "")), spoken(message))
    if step.status in ("passed", "failed"):
        _block(console, "output", as_text(step.made), "bold")
    if step.error:
        _block(console, "error", step.error, "magenta")
    _show_verdicts(console, step.verdicts)
    facts = ", ".join(_facts(step))
    if facts:
        _title(console, f"  {facts}", "dim")


def _facts(step: StepResult) -> Iterator[str]:
    if step.model:
        yield step.model
    if step.calls:
        yield "recalled" if step.recalled else plural(step.attempts, "attempt")
        yield f"{step.input_tokens:,} tokens in, {step.output_tokens:,} out"
        yield money(step.cost_usd)
    if step.latency_ms:
        yield f"{step.latency_ms:,.0f} ms"
    if step.finish_reason and step.finish_reason != "stop":
        yield f"ended by {step.finish_reason}"


def _show_verdicts(console: "Console", verdicts: tuple[Verdict, ...]) -> None:
    for verdict in verdicts:
        mark, style = MARKS[verdict.status]
        score = f" ({verdict.score:.3g})" if 0 < verdict.score < 1 else ""
        _title(console, f"  {mark} {verdict.name}{score}: {verdict.reason}", style)
        if verdict.asked is not None:
            _title(console, f"    {', '.join(_facts_of_judges(verdict.asked))}", "dim")


def _facts_of_judges(asked: Asked) -> Iterator[str]:
    yield f"judged by {asked.model}"
    recalled = all(call.recalled for call in asked.calls)
    yield "recalled" if recalled else plural(len(asked.calls), "call")
    yield money(asked.cost_usd)


def _title(console: "Console", text: str, style: str) -> None:
    console.print(escaped(text), style=style, soft_wrap=True)


def _block(console: "Console", name: str, text: str, style: str = "") -> None:
    """Print text with its own line breaks, each line set in, so that none looks like ours."""
    lines = text.split("\n")
    label = f"{escaped(name)}: " if name else ""
    if len(lines) == 1:
        console.print(f"  {label}{escaped(text)}", style=style, soft_wrap=True)
        return
    console.print(f"  {label}".rstrip(), style=style)
    for line in lines:
        console.print(f"    {escaped(line)}".rstrip(), style=style, soft_wrap=True)
