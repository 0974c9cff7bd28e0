"""The list of pipelines, each with how its last runs went."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import Response

from promptlab.core.frozen import frozen
from promptlab.live.serving.depends import LogDep, SessionDep
from promptlab.live.serving.pipelines import Looked, PipelinesDep
from promptlab.loader.prompts import FOLDER
from promptlab.schemas.pages import RunFilter, RunLine
from promptlab.services.run_pages import RunPages
from promptlab.web.pages import page
from promptlab.web.texts import TEXTS

router = APIRouter()


@frozen
class PipelineLine:
    """`last`: its newest run with the course up to it, None where it was never run."""

    looked: Looked
    address: str
    last: RunLine | None


@router.get("/pipelines")
def list_pipelines(pipelines: PipelinesDep, request: Request, session: SessionDep, log: LogDep) -> Response:
    runs = RunPages(session, is_running=log.is_running)
    lines = list(_lines(pipelines.all(), runs))
    return page(request, "pipelines.html.j2", lines=lines, **TEXTS)


def _lines(found: list[Looked], runs: RunPages) -> Iterator[PipelineLine]:
    known = set(runs.pipelines())
    for one in found:
        newest = runs.page(RunFilter(pipeline=one.name), limit=1).runs if one.name in known else ()
        yield PipelineLine(one, address_of(one.checked.path), newest[0] if newest else None)


def address_of(path: str) -> str:
    """Give the page of a pipeline, which the name of its file leads to, whatever it calls itself."""
    return f"/pipelines/{quote(PurePosixPath(path).stem)}"


def address_of_prompt(path: str) -> str:
    return f"/prompts/{quote(path.removeprefix(FOLDER))}"
