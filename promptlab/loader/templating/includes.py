"""Which names ``include``, ``extends`` and ``import`` may give, and what they lead to."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from jinja2 import nodes

from promptlab.core.suggest import suggest
from promptlab.engine.templating.vocabulary import PROMPTS, TemplateKind
from promptlab.loader.templating.findings import TemplateProblem
from promptlab.loader.templating.unit import Rejected, Unit

SUFFIXES = (".j2", ".md", ".txt")

type Reference = nodes.Include | nodes.Extends | nodes.Import | nodes.FromImport


def constant_name(reference: Reference) -> str | None:
    """Return the name that a reference gives, or None where it is computed."""
    template = reference.template
    return template.value if isinstance(template, nodes.Const) and isinstance(template.value, str) else None


def refusal(name: str) -> str | None:
    """Say why an include name is not allowed, or None."""
    parts = name.split("/")
    if name.startswith("/") or "\\" in name or ":" in parts[0]:
        return "give a path relative to prompts/, with forward slashes"
    if any(part in {"", ".", ".."} or part.startswith(".") for part in parts):
        return "only files below prompts/ can be included, no hidden ones"
    if PurePosixPath(name).suffix not in SUFFIXES:
        return f"only {', '.join(SUFFIXES)} files can be included"
    return None


def included_names(source: str) -> tuple[str, ...]:
    """Return the allowed constant names that a prompt includes, extends or imports."""
    try:
        tree = Unit.parsed("", source, "prompt").tree
    except (Rejected, RecursionError):
        return ()
    names = (constant_name(reference) for reference in _references(tree))
    return tuple(dict.fromkeys(name for name in names if name is not None and refusal(name) is None))


def _references(tree: nodes.Template) -> Iterator[Reference]:
    for node in tree.find_all(nodes.Stmt):
        if isinstance(node, nodes.Include | nodes.Extends | nodes.Import | nodes.FromImport):
            yield node


class Library:
    """The sources that a template may include, parsed once each."""

    def __init__(self, sources: Mapping[str, str], kind: TemplateKind) -> None:
        self._sources = sources
        self._kind = kind
        self._units: dict[str, Unit] = {}

    def unit(self, name: str) -> Unit:
        """Return the parsed source; raises Rejected, or KeyError where it is missing."""
        if name not in self._units:
            self._units[name] = Unit.parsed(f"{PROMPTS}{name}", self._sources[name], self._kind)
        return self._units[name]

    def judge(self, by: Unit, reference: Reference, trail: tuple[str, ...]) -> TemplateProblem | None:
        """Say what is wrong with a reference, or None; ``trail`` names the templates that led to it."""
        name = constant_name(reference)
        line, tag = reference.lineno, _tag(reference)
        if name is None:
            message = f"{tag} takes a constant name in quotes, so that data never chooses a file"
            return by.problem(line, tag, message, code="include-dynamic")
        why = refusal(name)
        if why is not None:
            message = f"the template '{name}' cannot be used"
            return by.problem(line, name, message, hint=why, code="include-forbidden")
        if name in trail:
            message = f"templates include each other: {' → '.join((*trail[trail.index(name) :], name))}"
            return by.problem(line, name, message, hint="break the circle", code="include-cycle")
        if name not in self._sources and not getattr(reference, "ignore_missing", False):
            near = suggest(name, self._sources)
            hint = f"did you mean '{near}'?" if near else "names are relative to prompts/"
            return by.problem(
                line, name, f"there is no template 'prompts/{name}'", hint=hint, code="include-missing"
            )
        return None


def _tag(reference: Reference) -> str:
    tags = {
        nodes.Include: "include",
        nodes.Extends: "extends",
        nodes.Import: "import",
        nodes.FromImport: "from",
    }
    return tags[type(reference)]
