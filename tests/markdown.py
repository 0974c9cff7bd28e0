"""What tests need of the documents: their blocks, links, headings and inline code."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    *sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/**/*.md")),
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
INLINE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Block:
    """A fenced block of a document, called by its file and line."""

    document: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"

    def commands(self) -> Iterator[list[str]]:
        """The words of each line that a prompt begins, without comments."""
        for line in self.text.splitlines():
            if line.startswith("$ "):
                yield shlex.split(line[2:], comments=True)


@dataclass(frozen=True)
class Document:
    name: str

    @cached_property
    def text(self) -> str:
        return (ROOT / self.name).read_text(encoding="utf-8")

    @cached_property
    def prose(self) -> str:
        return FENCE.sub("", self.text)

    def blocks(self) -> Iterator[Block]:
        for found in FENCE.finditer(self.text):
            line = self.text.count("\n", 0, found.start()) + 1
            yield Block(self.name, line, found[1], found[2])

    def links(self) -> list[str]:
        return LINK.findall(self.prose)

    def inline_code(self) -> list[str]:
        return INLINE.findall(self.prose)

    def anchors(self) -> set[str]:
        """The headings as GitHub links to them."""
        plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(self.prose))
        return {heading.replace(" ", "-") for heading in plain}


def blocks(*languages: str) -> list[Block]:
    """All blocks of all documents in these languages."""
    every = (block for name in DOCUMENTS for block in Document(name).blocks())
    return [block for block in every if block.language in languages]
