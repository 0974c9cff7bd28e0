"""How a scalar stands in its file: its text as written, its style, and where each line of it is."""

from promptlab.loader.scalars import ScalarSource, Style
from promptlab.loader.source_text import Position, SourceText
from promptlab.loader.yaml_events import ScalarEvent

__all__ = ["style_of", "written"]

STYLES: dict[str | None, Style] = {"'": "single", '"': "double", "|": "literal", ">": "folded"}


def style_of(event: ScalarEvent) -> Style:
    """The style of a scalar; plain is without quotes."""
    return STYLES.get(event.style, "plain")


def written(event: ScalarEvent, source: SourceText) -> ScalarSource:
    """A scalar as it stands in its source."""
    style = style_of(event)
    start, end = event.start_mark, event.end_mark
    if style in {"literal", "folded"}:
        return _block(event.value, style, start.line, source)
    shift = 0 if style == "plain" else 1
    raw = source.text[start.index + shift : end.index - shift]
    position = Position(start.line + source.first_line, start.column + shift + 1)
    return ScalarSource(event.value, style, position, exact=raw == event.value)


def _block(text: str, style: Style, header: int, source: SourceText) -> ScalarSource:
    lines = text.split("\n")
    first = next((index for index, content in enumerate(lines) if content.strip()), 0)
    raw = source.line(header + 1 + first + source.first_line) or ""
    literal = style == "literal"
    indent = len(raw) - (len(lines[first]) if literal else len(raw.lstrip(" ")))
    start = Position(header + 1 + source.first_line, max(0, indent) + 1)
    return ScalarSource(text, style, start, exact=literal)
