"""A comparison as Markdown, for a comment on a pull request: the flips first, within GitHub's limit."""

from collections.abc import Iterable, Iterator

from promptlab.analysis.comparison import Comparison
from promptlab.core.word_diff import Piece
from promptlab.reports.comparison_table import HEADER, flip_line, lines, note_lines, row_line, title_lines
from promptlab.reports.markdown_text import inert
from promptlab.schemas.flip import Flip

LARGEST = 65_536  # characters of a comment
FOR_FLIPS = 40_000
LONGEST_DIFF = 1_500
LONGEST_TITLE = 300
MARKS = {"better": " 🟢", "worse": " 🔴", "": ""}
TAGS = {"same": ("", ""), "old": ("<del>", "</del>"), "new": ("<ins>", "</ins>")}
CUT = "\n…\n"


def markdown(found: Comparison) -> str:
    """Give the whole text; what does not fit is counted."""
    head = [
        "## What changed\n\n",
        "  \n".join(inert(line, LONGEST_TITLE) for line in title_lines(found)),
        "\n\n",
        f"{inert(flip_line(found), LONGEST_TITLE)}\n\n",
    ]
    text = "".join([*head, *_flips(found), *_tables(found), *_notes(found)])
    return text if len(text) <= LARGEST else text[: LARGEST - len(CUT)].rpartition("\n")[0] + CUT


def _flips(found: Comparison) -> list[str]:
    texts: list[str] = []
    room = FOR_FLIPS
    for text in map(_flip, found.flips[: found.told]):
        room -= len(text)
        if room < 0:
            break
        texts.append(text)
    left = len(found.flips) - len(texts)
    more = [f"- and {left:,} more\n"] if left else []
    return [*texts, *more, "\n"]


def _flip(flip: Flip) -> str:
    key = flip.trial
    repeat = f" repeat {key.repeat}" if key.repeat else ""
    where = f"**{inert(key.row_id)}** {inert(key.cell)}{repeat}"
    reason = f": {inert(flip.reason)}" if flip.reason else ""
    diff = f"  \n  {_diff(flip.diff)}" if flip.diff else ""
    return f"- {where}: {flip.before} → {flip.after}{reason}{diff}\n"


def _diff(pieces: Iterable[Piece]) -> str:
    room, parts = LONGEST_DIFF, []
    for piece in pieces:
        before, after = TAGS[piece.kind]
        parts.append(f"{before}{inert(piece.text, room)}{after}")
        room -= len(piece.text)
        if room <= 0:
            break
    return "".join(parts)


def _tables(found: Comparison) -> Iterator[str]:
    has_names = len(found.cells) > 1 or found.cells[0].a != found.cells[0].b
    for cell in found.cells:
        if has_names:
            yield f"### {inert(cell.name)}\n\n"
        yield _row(HEADER)
        yield _row(["---", *(["---:"] * (len(HEADER) - 1))])
        for line in lines(cell):
            name, *numbers = line.texts
            yield _row([f"{inert(name)}{MARKS[line.tone]}", *numbers])
        yield f"\n{inert(row_line(cell), LONGEST_TITLE)}\n\n"


def _notes(found: Comparison) -> Iterator[str]:
    yield from (f"- {inert(note.strip(), LONGEST_TITLE)}\n" for note in note_lines(found))


def _row(texts: Iterable[str]) -> str:
    return f"| {' | '.join(texts)} |\n"
