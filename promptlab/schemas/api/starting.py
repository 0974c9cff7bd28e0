"""What starts a run, and what goes on with one; what is answered to that."""

from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from promptlab.schemas.api.base import Answer, Body
from promptlab.schemas.base import Items

type Name = Annotated[str, Field(min_length=1, max_length=500)]
type AtOnce = Annotated[int, Field(ge=1, le=1_000)]
type Usd = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _below_the_root(reference: str) -> str:
    parts = PurePosixPath(reference).parts
    if ".." in parts or reference.startswith(("/", "~")) or "\\" in reference or not reference.isprintable():
        raise ValueError("is the name of a pipeline, or the path of its file below the project's root")
    return reference


class RunOrder(Body):
    """A pipeline of the project and how to run it: as the options of `promptlab run`.

    `pipeline` is the name or the path of a file below the project's root; `max_cost` is in USD.
    """

    pipeline: Annotated[Name, AfterValidator(_below_the_root)] = Field(examples=["support_triage"])
    variants: Annotated[Items[Name], Field(max_length=100)] = ()
    tags: Annotated[Items[Name], Field(max_length=100)] = ()
    where: Annotated[str, Field(min_length=1, max_length=10_000)] | None = None
    limit: Annotated[int, Field(ge=1, lt=2**31)] | None = Field(default=None, examples=[5])
    repeat: Annotated[int, Field(ge=1, le=10_000)] | None = None
    failed: Name | None = None
    since: Name | None = None
    max_concurrency: AtOnce | None = None
    max_cost: Usd | None = None
    fresh: bool = False
    no_python: bool = False
    fail_fast: bool = False
    mode: Literal["live", "replay"] = "live"
    on_unknown: Literal["retry", "fail"] = "retry"
    note: Annotated[str, Field(max_length=2_000)] | None = None

    def said(self) -> dict[str, Any]:
        """Give the options that were said, as the log keeps them."""
        kept: dict[str, Any] = self.model_dump(mode="json", exclude={"pipeline"}, exclude_defaults=True)
        return kept


class ResumeOrder(Body):
    """How a run goes on; what is not said is as the run itself says. `max_cost` in USD, of the whole run."""

    max_cost: Usd | None = None
    max_concurrency: AtOnce | None = None
    on_unknown: Literal["retry", "fail"] | None = None
    fail_fast: bool = False

    def said(self) -> dict[str, Any]:
        """Give what was said, by the names of the fields of `How`."""
        kept: dict[str, Any] = self.model_dump(mode="json", exclude_defaults=True)
        return kept


class Accepted(Answer):
    """A run that goes on; `events` is where to follow it."""

    run: str
    events: str


class RemovalAnswer(Answer):
    """What goes, or went: `text_bytes` is about what it held."""

    runs: tuple[str, ...]
    trials: int
    verdicts: int
    answers: int
    text_bytes: int
