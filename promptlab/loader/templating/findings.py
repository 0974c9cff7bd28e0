"""What the analysis of a template finds, as frozen values."""

from dataclasses import field

from promptlab.core.frozen import frozen, slotted

ANY_ELEMENT = "[]"
"""Stands in a path for an element of a list that a loop takes, whichever it is."""

type Path = tuple[str | int, ...]


@frozen
class TemplateProblem:
    """Something wrong in the template called ``name``; line and column count from 1."""

    name: str
    line: int
    column: int
    message: str
    hint: str | None
    code: str


@frozen
class Origin:
    """A name that the template does not define itself, and a constant path below it."""

    name: str
    path: Path = ()

    def below(self, path: Path) -> "Origin":
        return Origin(self.name, self.path + path)

    def concerns(self, other: "Origin") -> bool:
        """Say whether one of both paths leads through the other."""
        shared = min(len(self.path), len(other.path))
        return self.name == other.name and self.path[:shared] == other.path[:shared]


@frozen
class NameUse:
    """A use of a name that must come from outside, in the template called ``template``.

    ``guarded``: it may be undefined, for it stands under ``default(…)``, under ``is defined``, or where such
    a test holds.
    """

    name: str
    path: Path
    template: str
    line: int
    column: int
    guarded: bool = False


@frozen
class LiteralComparison:
    """A comparison (==, !=, in) of a path with a string literal."""

    name: str
    path: Path
    literal: str
    template: str
    line: int
    column: int


@frozen
class FileUse:
    """A call of `image`, `file` or `text`: with a constant path, or with a name that comes from outside.

    `path` and `of` None: it is computed.
    """

    function: str
    path: str | None
    of: Origin | None
    template: str
    line: int
    column: int


@frozen
class RoleUse:
    """A role tag."""

    template: str
    line: int
    column: int


@frozen
class Analysis:
    """All that a template says of itself, unrun.

    ``ensured`` holds, for an expression, what is surely defined where it is true; ``splices`` are the uses
    inside ``{% messages … %}``, ``inserted`` those whose value is put into the text as it is, ``files`` the
    calls that name files; ``includes`` the names of all templates that it reaches. Where it does not
    ``computes`` anything without rows, there is no use in trying it without them. ``system`` is the first tag
    of a prompt in which nobody but the system can speak.
    """

    problems: tuple[TemplateProblem, ...] = ()
    uses: tuple[NameUse, ...] = ()
    comparisons: tuple[LiteralComparison, ...] = ()
    splices: tuple[NameUse, ...] = ()
    includes: tuple[str, ...] = ()
    ensured: frozenset[Origin] = frozenset()
    computes: bool = True
    inserted: tuple[NameUse, ...] = ()
    files: tuple[FileUse, ...] = ()
    system: RoleUse | None = None


@slotted
class Findings:
    """What was found so far."""

    problems: dict[TemplateProblem, None] = field(default_factory=dict)
    uses: dict[NameUse, None] = field(default_factory=dict)
    comparisons: dict[LiteralComparison, None] = field(default_factory=dict)
    splices: dict[NameUse, None] = field(default_factory=dict)
    includes: dict[str, None] = field(default_factory=dict)
    inserted: dict[NameUse, None] = field(default_factory=dict)
    files: dict[FileUse, None] = field(default_factory=dict)
    system: RoleUse | None = None
    others_speak: bool = False

    def frozen(self, ensured: frozenset[Origin], *, computes: bool = True) -> Analysis:
        return Analysis(
            tuple(sorted(self.problems, key=lambda problem: (problem.name, problem.line, problem.column))),
            tuple(self.uses),
            tuple(self.comparisons),
            tuple(self.splices),
            tuple(self.includes),
            ensured,
            computes,
            tuple(self.inserted),
            tuple(self.files),
            None if self.others_speak else self.system,
        )
