"""What addresses of pages may ask, beside what the API takes."""

from typing import Annotated

from pydantic import Field

from promptlab.schemas.api.queries import Query, Word

type LineNumber = Annotated[int, Field(ge=1, lt=2**31)]


class PipelineView(Query):
    """`cell`: whose steps are drawn; `line`: a line of the part of the source that is shown."""

    cell: Word | None = None
    line: LineNumber = 1
