"""A trial that ended otherwise as lines for people: how, why, and what its outputs differ by."""

from collections.abc import Iterator, Mapping, Sequence

from promptlab.core.display import escaped, shortened
from promptlab.core.frozen import frozen
from promptlab.core.word_diff import Piece, marked
from promptlab.schemas.flip import Flip
from promptlab.schemas.run import TrialKey, TrialStatus

LONGEST_REASON = 300
STYLES: Mapping[TrialStatus, str] = {"passed": "green", "failed": "red", "errored": "magenta"}


@frozen
class Span:
    text: str
    style: str = ""


type Line = tuple[Span, ...]


def flip_lines(flip: Flip, *, colour: bool) -> Iterator[Line]:
    """Say how a trial ended, before and now, and what its outputs differ by; `colour`: without marks."""
    reason = f": {escaped(shortened(flip.reason, LONGEST_REASON))}" if flip.reason else ""
    yield (
        Span(f"  {escaped(_called(flip.trial))}: "),
        Span(flip.before, STYLES.get(flip.before, "dim")),
        Span(" → "),
        Span(flip.after, STYLES.get(flip.after, "dim")),
        Span(reason),
    )
    if flip.diff:
        yield Span("    "), *_diff(flip.diff, colour=colour)


def _called(key: TrialKey) -> str:
    repeat = f" repeat {key.repeat}" if key.repeat else ""
    return f"row {key.row} ({key.row_id}) {key.cell}{repeat}"


def _diff(pieces: Sequence[Piece], *, colour: bool) -> Line:
    if not colour:
        return (Span(_on_one_line(marked(pieces))),)
    styles = {"same": "", "old": "red strike", "new": "green"}
    return tuple(Span(_on_one_line(piece.text), styles[piece.kind]) for piece in pieces)


def _on_one_line(text: str) -> str:
    return escaped(text.replace("\r\n", "\n").replace("\n", "⏎").replace("\t", " "))
