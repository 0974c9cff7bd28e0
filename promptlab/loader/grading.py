"""Checks in a file of their own, for answers that no pipeline of ours gave."""

from collections.abc import Iterable

from promptlab.core.suggest import did_you_mean
from promptlab.engine.plan import Cell, CellSpec
from promptlab.engine.targets import Targets
from promptlab.loader.attached import Attached
from promptlab.loader.compiling import compiled
from promptlab.loader.crosscheck import Crosscheck
from promptlab.loader.document import Document, parse_yaml
from promptlab.loader.files import ProjectFiles
from promptlab.loader.memory import LoadingMemory
from promptlab.loader.nodes import Entry, MapNode
from promptlab.loader.overlay import merged
from promptlab.loader.problems import Problems
from promptlab.loader.resolver import ProjectResolver
from promptlab.loader.sources import FileError
from promptlab.loader.spec import read_spec
from promptlab.loader.template_places import TemplatePlaces

STEP = "_answer"  # a name that no column is likely to have
KEYS = ("checks", "judge", "gates")
FRAME = "version: 1\nsteps: [{id: _answer, model: echo/echo, messages: [{role: user, content: '-'}]}]\n"


def load_checks(
    files: ProjectFiles,
    path: str | None,
    columns: Iterable[str],
    targets: Targets,
    problems: Problems,
    *,
    rows_ask: bool,
) -> Cell | None:
    """Give a pipeline of one step that has the checks of a file: a list, or a map with `checks`.

    `columns`: those of any answer; `rows_ask`: answers bring checks that ask a model to judge.
    """
    resolver = ProjectResolver(files, problems)
    document = _document(files, path, problems)
    spec = read_spec(document, resolver, problems) if document is not None else None
    if document is None or spec is None:
        return None
    with LoadingMemory() as memory:
        places = TemplatePlaces(files, problems, resolver.prompts.line_offsets, memory)
        known, attached = tuple(columns), Attached(places)
        check = Crosscheck(document, spec, {}, known, places, problems, attached, {}, resolver.documents)
        links = check.run()
        places.try_all()
    asks = rows_ask and (spec.judge or targets.judge_by_default) is not None  # else those checks are errored
    cell = CellSpec("base", "base", {}, spec, links.dependencies(), links.for_checks)
    return compiled(cell, links, targets, problems, set(), rows_ask=asks)


def _document(files: ProjectFiles, path: str | None, problems: Problems) -> Document | None:
    frame = parse_yaml(path or "answers", FRAME, Problems())
    if path is None or frame is None:
        return frame
    try:
        text = files.read_text(path, problems)
    except FileError as error:
        problems.add(path, None, error.message, code=error.code, hint=error.hint)
        return None
    said = None if text is None else parse_yaml(path, text, problems, top="any")
    if said is None:
        return None
    return merged(
        frame, [_known(said, problems) if isinstance(said.root, MapNode) else _listed(said)], problems
    )


def _known(said: Document, problems: Problems) -> Document:
    """Refuse what else than checks a file says; keys that begin with x- are a place for anchors."""
    assert isinstance(said.root, MapNode)  # noqa: S101 - the caller looked
    for key in said.root.entries.keys() - KEYS:
        if not key.startswith("x-"):
            hint = did_you_mean(key, KEYS)
            said.report(problems, (key,), f"unknown key '{key}'", code="unknown-key", hint=hint, key=True)
    return Document(
        said.source,
        MapNode(said.root.place, {key: said.root.entries[key] for key in KEYS if key in said.root.entries}),
    )


def _listed(said: Document) -> Document:
    place = said.root.place
    return Document(said.source, MapNode(place, {"checks": Entry(place, said.root)}))
