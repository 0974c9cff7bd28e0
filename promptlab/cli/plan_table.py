"""The table of a plan: what each step does in each cell, and all of it together."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from promptlab.cli.tables import Grid, Styled, show_grid
from promptlab.core.display import escaped
from promptlab.core.words import duration, money, plural
from promptlab.schemas.plan import BYTES_PER_TOKEN, Numbers, PipelinePlan, StepPlan

if TYPE_CHECKING:
    from rich.console import Console

ALWAYS = {"call": "yellow", "recall": "cyan", "open": "magenta"}
WHERE_ANY = {"skip": "dim", "run": "", "remembered": "cyan", "error": "red"}


def show_plan(console: "Console", plan: PipelinePlan) -> None:
    """Print a plan for people."""
    show_grid(console, plan_grid(plan))
    for line in _lines(plan):
        console.print(escaped(line), soft_wrap=True)


def show_sum(console: "Console", plans: Sequence[PipelinePlan]) -> None:
    """Print what several pipelines come to."""
    total = Numbers.total(plan.total for plan in plans)
    console.print(f"\nall {len(plans)} pipelines: {_calls(total)}; {_money(total)}", soft_wrap=True)


def plan_grid(plan: PipelinePlan) -> Grid:
    """Give the table: a row for each step of each cell, and the total."""
    total = plan.total
    counts = [*ALWAYS, *(name for name in WHERE_ANY if getattr(total, name))]
    has_cells = len({step.cell for step in plan.steps}) > 1
    names = ["cell", "step", "model"] if has_cells else ["step", "model"]
    rows = [[*_names(step, has_cells=has_cells), *_values(step.numbers, counts)] for step in plan.steps]
    if len(rows) > 1:
        rows.append([Styled("total", "bold"), *[Styled("")] * (len(names) - 1), *_values(total, counts)])
    header = [*names, *counts, "input tokens", "expected", "worst"]
    right = frozenset(range(len(names), len(header)))
    return Grid(header=header, rows=rows, title=plan.pipeline, right=right)


def _names(step: StepPlan, *, has_cells: bool) -> list[Styled]:
    cell = [Styled(step.cell)] if has_cells else []
    return [*cell, Styled(_name(step)), Styled(step.model or "–", "" if step.model else "dim")]


def _values(numbers: Numbers, counts: Sequence[str]) -> list[Styled]:
    styles = ALWAYS | WHERE_ANY
    found = [(name, getattr(numbers, name)) for name in counts]
    tokens = f"≈ {numbers.input_tokens:,.0f}" if numbers.input_tokens else "0"
    return [
        *(Styled(_count(name, count, numbers), styles[name] if count else "dim") for name, count in found),
        Styled(tokens),
        Styled(_expected(numbers)),
        Styled(_worst(numbers)),
    ]


def _count(name: str, count: int, numbers: Numbers) -> str:
    return f"≤ {count:,}" if name == "open" and numbers.has_open_list else f"{count:,}"


def _expected(numbers: Numbers) -> str:
    said = money(numbers.expected_usd)
    return f"≥ {said}" if numbers.has_open_list and numbers.expected_usd is not None else said


def _worst(numbers: Numbers) -> str:
    said = money(numbers.worst_usd)
    return f"≥ {said}" if numbers.is_soft and numbers.worst_usd else said


def _lines(plan: PipelinePlan) -> list[str]:
    total = plan.total
    least = f"{plan.least_trials:,} to " if plan.least_trials < plan.trials else ""
    calls = f"{least}{plural(plan.trials, 'trial')}: {_calls(total)}"
    if total.worst_calls == 0:
        return [calls]
    inputs = f"about {total.input_tokens:,.0f} tokens in, estimated as one for every {BYTES_PER_TOKEN} bytes"
    outputs = f"about {total.output_tokens:,.0f} out, {_basis(plan)}"
    return [calls, f"{inputs}; {outputs}", f"{_money(total)}; {_time(plan)}"]


def _calls(total: Numbers) -> str:
    parts = [plural(total.call, "call"), f"{total.recall:,} recalled"]
    if total.open:
        parts.append(f"{total.open:,} open ({total.worst_calls:,} calls at worst)")
    return ", ".join(parts)


def _money(total: Numbers) -> str:
    return f"{_expected(total)} expected, {_worst(total)} at worst"


def _basis(plan: PipelinePlan) -> str:
    bases = {step.basis for step in plan.steps if step.numbers.output_tokens}
    if bases == {"recorded"}:
        return "as recorded answers were long"
    return "partly assumed, as not all steps have recorded answers" if "recorded" in bases else "assumed"


def _time(plan: PipelinePlan) -> str:
    if plan.total.has_open_list:
        return "time unknown, as the number of calls is"
    if plan.seconds is None:
        return "time unknown, as no answer is recorded that tells how long one takes"
    return f"about {duration(plan.seconds)} at the limits there are"


def _name(step: StepPlan) -> str:
    if not step.judges:
        return step.step
    return f"{step.step}: judges" if step.step else "judges"
