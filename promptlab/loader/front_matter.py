"""YAML front matter between --- lines at the top of a template."""

import re

from promptlab.core.frozen import frozen
from promptlab.loader.document import Document, parse_yaml
from promptlab.loader.problems import Position, Problems
from promptlab.loader.source_text import SourceText

__all__ = ["FrontMatter", "split_front_matter"]

FENCE = re.compile(r"^---[ \t]*$", re.MULTILINE)
BLANK_OR_COMMENT = re.compile(r"(?:[ \t]*(?:#.*)?(?:\n|$))*")


@frozen
class FrontMatter:
    """What stands above a template, and the template itself.

    Line n of `body` is line n + `line_offset` of the file.
    """

    document: Document | None
    body: str
    line_offset: int


def split_front_matter(file: str, text: str, problems: Problems) -> FrontMatter:
    """Parts a template (line ends become LF); `document` is None where there is none or it cannot be read."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    opening = FENCE.match(text)
    if opening is None:
        return FrontMatter(None, text, 0)
    closing = FENCE.search(text, opening.end())
    if closing is None:
        hint = "end the front matter with a line ---, or begin the template with another line"
        source = SourceText(file, text)
        problems.add(
            source, Position(1, 1), "front matter that never ends", code="front-matter", hint=hint, width=3
        )
        return FrontMatter(None, text, 0)
    head = text[opening.end() : closing.start()]
    body = text[closing.end() + 1 :]
    offset = text.count("\n", 0, closing.end()) + 1
    empty = BLANK_OR_COMMENT.fullmatch(head) is not None
    return FrontMatter(None if empty else parse_yaml(file, head, problems), body, offset)
