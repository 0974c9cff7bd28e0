"""What a docstring says of a function and of each parameter: Google's, NumPy's and Sphinx's ways."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import field
from inspect import cleandoc

from promptlab.core.frozen import frozen

_HEADINGS = (
    "Args|Arguments|Parameters|Params|Returns|Return|Yields|Raises|Examples?|Notes?|See Also|Warnings?"
)
_HEADING = re.compile(rf"(?P<title>{_HEADINGS}):?")
_OF_PARAMETERS = {"Args", "Arguments", "Parameters", "Params"}
_UNDERLINE = re.compile(r"-{3,}")
_GOOGLE = re.compile(r"(?P<name>\w+)\s*(\([^)]*\))?:\s*(?P<text>.*)")
_NUMPY = re.compile(r"(?P<name>\w+)(\s*:.*)?")
_SPHINX = re.compile(r":param\s+([^:]*\s)?(?P<name>\w+):\s*(?P<text>.*)")
_FIELD = re.compile(r":\w+[^:]*:")

type Described = tuple[str, list[str]]


@frozen
class Docstring:
    """`summary`: what stands above all sections; `parameters`: what each is for, on one line."""

    summary: str = ""
    parameters: dict[str, str] = field(default_factory=dict)


def read_docstring(text: str) -> Docstring:
    """Read what is there; a docstring of another form is a summary from end to end."""
    lines = cleandoc(text).split("\n")
    end = next((index for index in range(len(lines)) if _begins_a_section(lines, index)), len(lines))
    said = [*_sphinx(lines), *_sections(lines)]
    parameters = {name: " ".join(filter(None, map(str.strip, words))) for name, words in said}
    known = {name: words for name, words in parameters.items() if name and words}
    return Docstring("\n".join(lines[:end]).strip(), known)


def _begins_a_section(lines: Sequence[str], index: int) -> bool:
    return _FIELD.match(lines[index]) is not None or _title(lines, index) is not None


def _title(lines: Sequence[str], index: int) -> str | None:
    """Give the title of the section that begins here: `Args:`, or `Parameters` with a line of dashes."""
    found = _HEADING.fullmatch(lines[index].rstrip())
    if found is None:
        return None
    underlined = index + 1 < len(lines) and _UNDERLINE.fullmatch(lines[index + 1].strip())
    return found["title"] if underlined or lines[index].rstrip().endswith(":") else None


def _sections(lines: Sequence[str]) -> Iterator[Described]:
    inside = numpy = False
    body: list[str] = []
    for index, line in enumerate(lines):
        title = _title(lines, index)
        if title is None:
            body += [line] if inside else []
            continue
        yield from _described(body, numpy=numpy)
        inside, numpy, body = title in _OF_PARAMETERS, not line.rstrip().endswith(":"), []
    yield from _described(body, numpy=numpy)


def _described(body: Sequence[str], *, numpy: bool) -> Iterator[Described]:
    """Read the entries of a section; what is set in deeper goes on with the entry above."""
    lines = [line for line in body if line.strip() and not _UNDERLINE.fullmatch(line.strip())]
    margin = min((_indent(line) for line in lines), default=0)
    name, words = "", list[str]()
    for line in lines:
        entry = (_NUMPY if numpy else _GOOGLE).fullmatch(line.strip()) if _indent(line) == margin else None
        if entry is None:
            words.append(line)
            continue
        yield name, words
        name, words = entry["name"], [] if numpy else [entry["text"]]
    yield name, words


def _sphinx(lines: Sequence[str]) -> Iterator[Described]:
    name, words = "", list[str]()
    for line in lines:
        entry = _SPHINX.match(line)
        if entry is not None:
            yield name, words
            name, words = entry["name"], [entry["text"]]
        elif _FIELD.match(line):
            yield name, words
            name, words = "", []
        elif line.startswith(" "):
            words.append(line)
    yield name, words


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
