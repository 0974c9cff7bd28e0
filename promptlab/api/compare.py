"""Two runs, two variants of one, or a commit and the working tree, held against each other."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from promptlab.api.answers import answered, tagged
from promptlab.api.runs import NOT_MODIFIED
from promptlab.live.paired.stored import StoredComparison
from promptlab.live.serving.asked_comparison import ComparisonsDep
from promptlab.live.serving.etags import tag_of
from promptlab.schemas.api.compare import CompareQuery, ComparisonAnswer

router = APIRouter(prefix="/compare", tags=["compare"])


@router.get("", response_model=ComparisonAnswer, responses=NOT_MODIFIED)
def compare(
    query: Annotated[CompareQuery, Query()], request: Request, comparisons: ComparisonsDep
) -> Response:
    """Tell what `promptlab compare --json` does, and the trials of both sides in pairs, flips first.

    Nothing is called, run or written. With a commit alone, the pipeline as it was where HEAD parted from it
    stands against the working tree, from what is recorded and logged; python steps give recorded outputs.
    """
    found = comparisons.one(query.a, query)
    if not isinstance(found, StoredComparison):
        return answered(found.whole())
    tag = tag_of(request, found.two.a, found.two.b)
    return tagged(request, tag, lambda: found.whole(query))
