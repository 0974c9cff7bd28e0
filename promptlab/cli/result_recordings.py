"""What a result says of recordings: what was written, or what there is none of."""

from collections.abc import Iterator, Sequence

from promptlab.core.words import plural
from promptlab.schemas.report import Recorded, RunSummary, Unrecorded

SHOWN = 10
SHOWN_LINES = 24


def recorded_line(recorded: Recorded) -> str:
    return f"recordings: {recorded.new:,} new, {recorded.changed:,} changed, {recorded.unchanged:,} unchanged"


def unrecorded_lines(summary: RunSummary) -> Iterator[str]:
    """Name what lacks, with how its request differs from what is recorded."""
    return missing_lines(summary.unrecorded)


def missing_lines(missing: Sequence[Unrecorded]) -> Iterator[str]:
    """Name the first of what is not recorded, with how the request differs from what is."""
    if missing:
        yield f"{plural(len(missing), 'answer')} not recorded:"
    for one in missing[:SHOWN]:
        yield f"  {_where(one)}: {one.model}"
        if one.nearest is not None:
            yield f"    nearest: {one.nearest}"
            yield from _shortened(one.difference)
    if len(missing) > SHOWN:
        yield f"  … and {len(missing) - SHOWN:,} more"


def _where(one: Unrecorded) -> str:
    what = f"step {one.step}" if one.step else "checks"
    if one.trial is None:
        return what
    repeat = f" repeat {one.trial.repeat}" if one.trial.repeat else ""
    return f"row {one.trial.row} ({one.trial.row_id}) {one.trial.cell}{repeat} {what}"


def _shortened(lines: Sequence[str]) -> Iterator[str]:
    for line in lines[:SHOWN_LINES]:
        yield f"      {line}"
    if len(lines) > SHOWN_LINES:
        yield f"      … {plural(len(lines) - SHOWN_LINES, 'line')} more"
