"""A turn of a watch as lines for people: what was saved, what it cost, what is different now."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from promptlab.cli.flip_lines import Line, Span, flip_lines
from promptlab.cli.metric_words import is_better, moved, number, signed, since_start
from promptlab.cli.result import end_line, warnings
from promptlab.core.display import escaped, shortened
from promptlab.core.errors import PromptlabError
from promptlab.core.words import plural
from promptlab.live.watching.called import Called
from promptlab.live.watching.turn import Cause, FileChange, MetricChange, TurnRun
from promptlab.loader.problem_formats import first_as_text
from promptlab.loader.problems import InvalidPipeline
from promptlab.reports.why import why
from promptlab.schemas.explained import Change

MOST_FILES = 5
MOST_FLIPS = 10
MOST_CAUSES = 5
MOST_METRICS = 30
WORDS: Mapping[Cause, str] = {
    "start": "the start",
    "saved": "saved",
    "all": "all again",
    "failed": "what failed",
    "raised": "the ceiling was raised",
}
STYLES: Mapping[bool | None, str] = {None: "dim", True: "green", False: "red"}


def head(number: int, cause: Cause, files: Mapping[str, FileChange]) -> Line:
    """Say which turn it is, and why."""
    return Span(f"turn {number}", "bold"), Span(f": {_files(files) if files else WORDS[cause]}")


def error_lines(error: PromptlabError) -> Iterator[Line]:
    """Say what keeps pipelines from being run, as `validate` does."""
    if isinstance(error, InvalidPipeline):
        yield (Span(first_as_text(error.problems)),)
        return
    yield (Span(f"error: {escaped(shortened(str(error), 2000))}", "red"),)
    if error.hint:
        yield (Span(f"  {escaped(error.hint)}"),)


def run_lines(run: TurnRun, *, colour: bool) -> Iterator[Line]:
    """Say what a run cost, and what is different since it was last run; `colour`: diffs have no marks."""
    summary = run.summary
    yield Span(f"  {escaped(summary.pipeline)}: ", "bold"), Span(escaped(end_line(summary)))
    if run.called:
        yield (Span(f"  called: {causes(run.called)}", "dim"),)
    for flip in run.flips[:MOST_FLIPS]:
        yield from flip_lines(flip, colour=colour)
    if run.flipped > MOST_FLIPS:
        yield (Span(f"  and {plural(run.flipped - MOST_FLIPS, 'trial')} more that ended otherwise"),)
    if run.outputs_changed:
        yield (Span(f"  {plural(run.outputs_changed, 'output')} changed", "dim"),)
    called = bool(summary.calls.sent)
    yield from _metrics(moved(run.metrics, called=called))
    done = sum(summary.trials.values())
    if summary.planned > done:
        yield (Span(f"  {plural(summary.planned - done, 'trial')} left", "yellow"),)
    for warning in warnings(replace(summary, planned=done)):
        yield (Span(f"  {escaped(warning)}", "yellow"),)


def causes(called: Sequence[Called]) -> str:
    """Give `3 template prompts/say.j2, 1 row word`: how many steps, and what had changed."""
    named = [f"{one.count:,} {escaped(why([Change(*part) for part in one.why]))}" for one in called]
    return ", ".join(named[:MOST_CAUSES] + (["…"] if len(named) > MOST_CAUSES else []))


def _files(files: Mapping[str, FileChange]) -> str:
    named = [f"{escaped(path)} {change}" for path, change in list(files.items())[:MOST_FILES]]
    more = [f"and {plural(len(files) - MOST_FILES, 'file')} more"] if len(files) > MOST_FILES else []
    return ", ".join([*named, *more])


def _metrics(changes: Sequence[MetricChange]) -> Iterator[Line]:
    for change in changes[:MOST_METRICS]:
        style = STYLES[is_better(change)]
        since = f"{signed(change.name, change.since_last)} since the last turn, {since_start(change)}"
        value = number(change.name, change.value)
        yield Span(f"  {escaped(change.cell)} {change.name} {value} "), Span(f"({since})", style)
    if len(changes) > MOST_METRICS:
        yield (Span(f"  and {plural(len(changes) - MOST_METRICS, 'metric')} more that changed"),)
