"""What is wrong in the files of a project."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from promptlab.api.answers import tagged_by_content
from promptlab.api.pipelines import file_problem
from promptlab.api.runs import NOT_MODIFIED
from promptlab.live.serving.validated import FilesDep
from promptlab.loader.problems import Problems
from promptlab.schemas.api.pipelines import CheckedFile, ProblemsQuery, ProjectProblems

router = APIRouter(prefix="/problems", tags=["pipelines"])


@router.get("", response_model=ProjectProblems, responses=NOT_MODIFIED)
def list_problems(query: Annotated[ProblemsQuery, Query()], request: Request, files: FilesDep) -> Response:
    """Check all pipelines with what they name, or one file: settings, a pipeline, template or data file."""
    validated = [files.one(query.file)] if query.file is not None else files.all()
    problems = Problems()
    for one in validated:
        problems.extend(one.problems)
    found = ProjectProblems(
        files=[CheckedFile(file=one.file, about=one.about, problems=len(one.problems)) for one in validated],
        problems=[file_problem(problem) for problem in problems],
        more=problems.more,
    )
    return tagged_by_content(request, found)
