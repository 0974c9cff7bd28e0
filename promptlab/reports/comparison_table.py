"""The lines of a comparison's table, in the words and numbers that people read."""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from promptlab.analysis.comparing import CellComparison, Difference
from promptlab.analysis.comparison import MOST_NAMED, Comparison
from promptlab.core.frozen import frozen
from promptlab.core.words import money, percent, plural
from promptlab.reports.shown_metrics import number_text, time_text
from promptlab.schemas.compared import CheckChange
from promptlab.schemas.metrics import SHARES

HEADER = ("metric", "A", "B", "B - A", "95 %", "p (Holm)")
LEVEL = 0.05
LABELS = {"pass_rate": "pass rate", "error_rate": "error rate", "cost_usd": "cost", "latency_ms": "latency"}
RELATIVE = ("cost_usd", "latency_ms")
TINY = 0.0001

type Tone = Literal["better", "worse", ""]


@frozen(kw_only=True)
class Line:
    """A metric of a cell; `tone`: which way it moved, where that is no chance."""

    texts: tuple[str, ...]
    tone: Tone = ""


def lines(cell: CellComparison) -> Iterator[Line]:
    """Give a line a metric; errors are named where there are any."""
    return (line_of(one) for one in cell.differences if is_told(one))


def is_told(one: Difference) -> bool:
    return one.metric != "error_rate" or bool(one.a or one.b)


def line_of(one: Difference) -> Line:
    return Line(texts=_texts(one), tone=tone_of(one))


def value_text(metric: str, value: float) -> str:
    """Give a mean of a metric as people read it."""
    return _show(metric)(value)


def _texts(one: Difference) -> tuple[str, ...]:
    show = _show(one.metric)
    label = LABELS.get(one.metric, one.metric)
    return label, show(one.a), show(one.b), _change(one), _interval(one), _chance(one)


def tone_of(one: Difference) -> Tone:
    """Say which way a metric moved, where that is no chance."""
    if not one.moved or one.adjusted > LEVEL:
        return ""
    return "worse" if one.is_worse else "better"


def _show(metric: str) -> Callable[[float], str]:
    shown: Mapping[str, Callable[[float], str]] = {"cost_usd": money, "latency_ms": time_text}
    if metric in SHARES and metric != "score":
        return percent
    return shown.get(metric, number_text)


def _change(one: Difference) -> str:
    if not one.moved:
        return "="
    text = _signed(one.metric, one.difference)
    if one.metric in RELATIVE and one.a:
        return f"{text} ({one.difference / one.a * 100:+.0f} %)"
    return text


def _interval(one: Difference) -> str:
    if one.interval is None or not one.moved:
        return ""
    return f"{_signed(one.metric, one.interval.low)} to {_signed(one.metric, one.interval.high)}"


def _signed(metric: str, value: float) -> str:
    if metric in SHARES and metric != "score":
        return f"{value * 100:+.1f}"
    sign = "-" if value < 0 else "+"
    return f"{sign}{_show(metric)(abs(value))}"


def _chance(one: Difference) -> str:
    if not one.moved:
        return ""
    return f"< {TINY:.4f}" if one.adjusted < TINY else f"{one.adjusted:.2g}"


def title_lines(found: Comparison) -> list[str]:
    """Say what is compared."""
    if found.a == found.b:
        return [f"A and B: {found.a.title}"]
    return [f"A: {found.a.title}", f"B: {found.b.title}"]


def row_line(cell: CellComparison) -> str:
    """Say how many rows were paired, and which were not."""
    parts = [f"{plural(cell.paired, 'row')} at both sides"]
    for side, rows in (("A", cell.only_a), ("B", cell.only_b)):
        if rows:
            more = ", …" if len(rows) > MOST_NAMED else ""
            parts.append(f"{len(rows):,} only in {side}: {', '.join(rows[:MOST_NAMED])}{more}")
    return "; ".join(parts)


def flip_line(found: Comparison) -> str:
    """Say how many trials ended otherwise, and in what way."""
    kinds = [f"{count:,} {before} → {after}" for (before, after), count in found.flipped.items()]
    changed = f"{found.outputs_changed:,} of {plural(found.trials, 'trial')} with another output"
    return "; ".join([", ".join(kinds) or "no trial ended otherwise", changed])


def note_lines(found: Comparison) -> Iterator[str]:
    """Say what there is at one side only, what was not whole, and which checks are not the same."""
    for letter, side, cells in (("A", found.a, found.only_a), ("B", found.b, found.only_b)):
        if cells:
            yield f"only in {letter}: {', '.join(cells)}"
        if found.a != found.b or letter == "A":
            yield from (f"{side.title.partition(' · ')[0]}: {note}" for note in side.notes)
    if found.checks:
        yield "the checks are not the same, so verdicts may differ where answers do not:"
        yield from (f"  {_check(change, found)}" for change in found.checks)


def _check(change: CheckChange, found: Comparison) -> str:
    what = f"{change.check} {change.change}" + (f" ({change.file})" if change.file else "")
    is_everywhere = len(change.cells) == len(found.cells)
    return what if is_everywhere else f"{what} in {', '.join(change.cells)}"
