"""The prompts of a pipeline's steps, found also where what they say is wrong."""

from collections.abc import Iterable, Iterator, Sequence

from promptlab.core.errors import UsageError
from promptlab.core.frozen import frozen
from promptlab.core.suggest import did_you_mean
from promptlab.engine.step import Step
from promptlab.engine.steps.prompt import PromptStep
from promptlab.loader.cells import cell_sources
from promptlab.loader.changes import Changes
from promptlab.loader.document import parse_yaml
from promptlab.loader.files import ProjectFiles
from promptlab.loader.overlay import merged
from promptlab.loader.problems import InvalidPipeline, Problems
from promptlab.loader.resolver import ProjectResolver
from promptlab.loader.spec import read_spec

__all__ = ["PromptSteps", "prompt_steps"]


@frozen
class PromptSteps:
    """Those of one cell: the files of their prompts, by their paths, `parts.part` for one inside another.

    `cells`: the names of all cells, of which `cell` is this one.
    """

    pipeline: str
    cell: str
    cells: Sequence[str]
    prompts: dict[str, str]

    def step(self, wanted: str | None) -> str:
        """Give a step, the first unless one is named; raises UsageError."""
        if wanted is None:
            return next(iter(self.prompts))
        if wanted not in self.prompts:
            hint = did_you_mean(wanted, self.prompts) or f"with a prompt: {', '.join(self.prompts)}"
            raise UsageError(f"{self.pipeline}: there is no step '{wanted}' with a prompt file", hint=hint)
        return wanted


def prompt_steps(files: ProjectFiles, path: str, variant: str | None) -> PromptSteps:
    """Find them, in the first cell unless one is named by its variant or whole name.

    Raises UsageError, and InvalidPipeline where the pipeline itself cannot be read.
    """
    own, problems = ProjectFiles(files.source), Problems()
    text = own.read_text(path, problems)
    document = None if text is None else parse_yaml(path, text, problems)
    if document is None:
        raise InvalidPipeline(problems)
    sources = cell_sources(document, problems)
    chosen = next(iter(Changes(variants=(variant,) if variant is not None else ()).chosen(sources)), None)
    laid = None if chosen is None else merged(document, chosen.overrides, problems)
    resolver = ProjectResolver(own, problems, own.resolve(path))
    spec = None if laid is None else read_spec(laid, resolver, problems)
    if chosen is None or spec is None:
        raise InvalidPipeline(problems)
    prompts = dict(_prompts(spec.steps))
    if not prompts:
        problems.raise_errors()
        raise UsageError(f"{path}: no step has a prompt file", hint="write `prompt: prompts/name.j2` at one")
    return PromptSteps(path, chosen.name, [source.name for source in sources], prompts)


def _prompts(steps: Iterable[Step], within: str = "") -> Iterator[tuple[str, str]]:
    for step in steps:
        path = f"{within}{step.id}"
        if isinstance(step, PromptStep):
            yield path, step.prompt.path
        yield from _prompts(step.inner, f"{path}.")
