"""What addresses of pages may ask, beside what the API takes."""

from typing import Annotated, Literal

from pydantic import Field

from promptlab.schemas.api.queries import Query, Word

type LineNumber = Annotated[int, Field(ge=1, lt=2**31)]


class PipelineView(Query):
    """`cell`: whose steps are drawn; `line`: a line of the part of the source that is shown."""

    cell: Word | None = None
    line: LineNumber = 1


type View = Annotated[Literal["split", "unified"], Field(description="Texts beside, or below, each other.")]
type Version = Annotated[Word, Field(max_length=200)]


class PromptView(Query):
    """`version`: which text is shown, where none is held against another.

    `before`, `after` (in addresses `from` and `to`): the versions that are held against each other.
    """

    version: Version | None = None
    before: Annotated[Version | None, Field(alias="from")] = None
    after: Annotated[Version | None, Field(alias="to")] = None
    view: View = "split"
    line: LineNumber = 1
    after_commit: Word | None = None
    after_use: Word | None = None


class HistoryView(Query):
    """`before`, `after` (in addresses `from` and `to`): ids of the runs whose prompts are compared."""

    metric: Word | None = None
    variant: Annotated[tuple[Word, ...], Field(max_length=40)] = ()
    before: Annotated[Word | None, Field(alias="from")] = None
    after: Annotated[Word | None, Field(alias="to")] = None
    view: View = "split"
    cursor: Word | None = None
