"""Problems of a project's files: collected, bounded, and raised together as InvalidPipeline."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import ClassVar, Literal

from promptlab.core import suggest
from promptlab.core.display import escaped, masked, shortened
from promptlab.core.errors import PromptlabError
from promptlab.core.frozen import frozen
from promptlab.loader.source_text import Position, Snippet, SourceText

__all__ = ["InvalidPipeline", "Position", "Problem", "Problems", "did_you_mean"]

KEPT = 10_000
FEW = 12
LONGEST_MESSAGE = 600

type Severity = Literal["error", "warning"]
type Hint = str | Callable[[], str | None] | None


@frozen
class Problem:
    """One thing wrong at one place; all texts are fit to be shown.

    `line` and `column` count from 1 in the file, `caret` (from 0) and `width` in the snippet as shown.
    """

    file: str
    line: int
    column: int
    message: str
    code: str
    hint: str | None = None
    severity: Severity = "error"
    snippet: str | None = None
    caret: int = 0
    width: int = 1


class Problems:
    """Collects problems: the first 10,000 are kept, the rest is counted."""

    def __init__(self, kept: int = KEPT) -> None:
        self._room = kept
        self._kept: dict[Problem, None] = {}
        self.more = 0
        self.errors = 0

    def __iter__(self) -> Iterator[Problem]:
        """Those kept, by file and place."""
        return iter(sorted(self._kept, key=lambda problem: (problem.file, problem.line, problem.column)))

    def __len__(self) -> int:
        return len(self._kept) + self.more

    @property
    def full(self) -> bool:
        """Whether further problems are only counted."""
        return len(self._kept) >= self._room

    @property
    def flooded(self) -> bool:
        """Whether there are so many that reading on is of no use."""
        return len(self) > KEPT

    def add(
        self,
        source: SourceText | str,
        position: Position | None,
        message: str,
        *,
        code: str,
        hint: Hint = None,
        severity: Severity = "error",
        width: int = 1,
        snippet: Snippet | None = None,
    ) -> None:
        """Adds a problem at a place of a source, or of a file by name (then `snippet` may show it)."""
        self.errors += severity == "error"
        if self.full:
            self.more += 1
            return
        place = position or Position(1, 1)
        if snippet is None and isinstance(source, SourceText) and position is not None:
            snippet = source.snippet(place, width)
        found = Problem(
            file=escaped(source if isinstance(source, str) else source.file),
            line=place.line,
            column=place.column,
            message=_sentence(message),
            code=code,
            hint=_sentence((hint() if callable(hint) else hint) or None),
            severity=severity,
            snippet=None if snippet is None else snippet.text,
            caret=0 if snippet is None else snippet.caret,
            width=1 if snippet is None else snippet.width,
        )
        self._kept[found] = None

    def extend(self, others: "Problems | Iterable[Problem]") -> None:
        """Takes over the problems of another reading."""
        for problem in others:
            self.errors += problem.severity == "error"
            if self.full:
                self.more += 1
            else:
                self._kept[problem] = None
        if isinstance(others, Problems):
            self.more += others.more
            self.errors += others.errors - sum(problem.severity == "error" for problem in others)

    def raise_errors(self) -> None:
        """Raises InvalidPipeline where there is an error among the problems."""
        if self.errors:
            raise InvalidPipeline(self)


class InvalidPipeline(PromptlabError):
    """The project's files are wrong; `problems` says where and how."""

    exit_code: ClassVar[int] = 2

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        first = next(iter(problems), None)
        where = f"{first.file}:{first.line}:{first.column}: {first.message}" if first else "invalid"
        rest = len(problems) - 1
        super().__init__(f"{where} (and {rest:,} more)" if rest > 0 else where)


def did_you_mean(word: str, known: Iterable[str]) -> Callable[[], str]:
    """A hint that is worked out only where it will be shown."""
    return partial(suggest.did_you_mean, word, known)


def _sentence[T: (str, str | None)](text: T) -> T:
    if text is None:
        return None
    return shortened(escaped(masked(text[: 4 * LONGEST_MESSAGE])), LONGEST_MESSAGE)
