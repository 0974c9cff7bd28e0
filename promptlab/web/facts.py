"""What a cell of a matrix says in small letters."""

from collections.abc import Collection, Iterator

from promptlab.core.words import money
from promptlab.schemas.pages import TrialCell
from promptlab.web.texts import milliseconds


def facts(trial: TrialCell, *, hidden: Collection[str] = ()) -> str:
    """Give the facts of a trial on one line, but those that are hidden."""
    return " · ".join(text for name, text in _facts(trial) if name not in hidden)


def _facts(trial: TrialCell) -> Iterator[tuple[str, str]]:
    if trial.checks:
        passed = sum(check.status == "passed" for check in trial.checks)
        yield "checks", f"{passed}/{len(trial.checks)} checks"
    yield "tokens", f"{trial.input_tokens:,}→{trial.output_tokens:,} tok"
    yield "cost", "?" if trial.cost_usd is None else money(trial.cost_usd)
    yield "latency", milliseconds(trial.latency_ms)
    if trial.recalled:
        yield "recalled", "recalled"
    if trial.repeat:
        yield "repeat", f"repeat {trial.repeat + 1}"
