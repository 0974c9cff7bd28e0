"""One pipeline: its graph, and its source with problems where they are."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from promptlab.core.errors import NotFound
from promptlab.engine.plan import Cell
from promptlab.live.serving.depends import LogDep, SessionDep
from promptlab.live.serving.pipelines import AskedPipelines, Looked, PipelinesDep
from promptlab.loader.loading import LoadedPipeline
from promptlab.loader.problems import Problem
from promptlab.loader.project import PIPELINES, YAML
from promptlab.loader.prompts import FOLDER, SUFFIXES
from promptlab.loader.step_lines import Line, step_lines
from promptlab.schemas.api.page_queries import PipelineView
from promptlab.schemas.pages import RunFilter
from promptlab.services.run_pages import RunPages
from promptlab.web.graph.drawing import drawing_of
from promptlab.web.graph.nodes import nodes_of
from promptlab.web.links import changed
from promptlab.web.pages import page
from promptlab.web.pipelines import address_of, address_of_prompt
from promptlab.web.source import MOST_PROBLEMS, Parts, parts_of, source_part
from promptlab.web.texts import TEXTS

router = APIRouter(prefix="/pipelines/{name}")


@router.get("")
def show_pipeline(
    name: str,
    query: Annotated[PipelineView, Query()],
    request: Request,
    pipelines: PipelinesDep,
    session: SessionDep,
    log: LogDep,
) -> Response:
    looked = pipelines.one(name)
    newest = RunPages(session, is_running=log.is_running).page(RunFilter(pipeline=looked.name), limit=1).runs
    loaded, here = looked.checked.loaded, address_of(looked.checked.path)
    return page(
        request,
        "pipeline.html.j2",
        looked=looked,
        name=looked.name,
        here=here,
        spec=loaded.spec if loaded is not None else None,
        last=newest[0] if newest else None,
        callers=[(path, address_of(path)) for path in looked.checked.callers],
        address_of_cell=lambda cell: changed(request, cell=cell),
        **_graph(pipelines, looked, query, here),
        **_source(pipelines, looked, query, here),
        **TEXTS,
    )


def _graph(pipelines: AskedPipelines, looked: Looked, query: PipelineView, here: str) -> dict[str, Any]:
    loaded = looked.checked.loaded
    if loaded is None:
        return {"drawing": None, "cell": None}
    cell = _cell(loaded, query.cell)
    lines = step_lines(pipelines.project.files, looked.checked.path, cell.steps)
    nodes = nodes_of(cell.steps, dict(_addresses(pipelines, lines, looked.checked.path, here)))
    listed = [found for node in nodes for found in node.all()]
    return {"drawing": drawing_of(nodes), "nodes": nodes, "listed": listed, "cell": cell}


def _cell(loaded: LoadedPipeline, wanted: str | None) -> Cell:
    for cell in loaded.cells:
        if wanted is None or cell.name == wanted:
            return cell
    raise NotFound(f"{loaded.name} has no cell of this name", hint="a cell is called by its whole name")


def _addresses(
    pipelines: AskedPipelines, lines: Mapping[str, Line], own: str, here: str
) -> Iterator[tuple[str, str]]:
    """Give where steps are to be seen; those of a file that no page shows are not."""
    parts = dict[str, Parts]()
    for place, line in lines.items():
        if line.file != own and not _is_pipeline(line.file):
            continue
        if line.file not in parts:
            parts[line.file] = parts_of((pipelines.source(line.file) or "").split("\n"))
        path = here if line.file == own else address_of(line.file)
        yield place, parts[line.file].address(path, line.number)


def _source(pipelines: AskedPipelines, looked: Looked, query: PipelineView, here: str) -> dict[str, Any]:
    path, text = looked.checked.path, pipelines.source(looked.checked.path)
    problems = list(looked.checked.problems)
    links = {name: address for name in looked.checked.names if (address := link_of(name))}
    own = [problem for problem in problems if problem.file == path]
    parts = parts_of(text.split("\n")) if text is not None else Parts((0,))
    part = None
    if text is not None:
        part = source_part(text, query.line, language="yaml", problems=own, links=links)
    shown = [(problem, _place(problem, path, here, parts)) for problem in problems[:MOST_PROBLEMS]]
    return {
        "part": part,
        "problems": shown,
        "problem_count": len(looked.checked.problems),
        "api": f"/api{here}",
    }


def _place(problem: Problem, path: str, here: str, parts: Parts) -> str | None:
    """Give where a problem is to be seen."""
    if problem.file == path:
        return parts.address(here, problem.line)
    address = link_of(problem.file)
    return f"{address}?line={problem.line}#L{problem.line}" if address else None


def link_of(path: str) -> str | None:
    """Give the page of a file that a pipeline names, if it has one."""
    if _is_pipeline(path):
        return address_of(path)
    if path.startswith(FOLDER) and path.endswith(SUFFIXES):
        return address_of_prompt(path)
    return None


def _is_pipeline(path: str) -> bool:
    return path.startswith(f"{PIPELINES}/") and path.count("/") == 1 and path.endswith(YAML)
