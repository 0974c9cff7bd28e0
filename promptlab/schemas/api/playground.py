"""An edited prompt: tried on one row of a pipeline on disk, and written over its file."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from promptlab.schemas.api.base import Answer, Body
from promptlab.schemas.api.pipelines import FileProblem, RenderedStep
from promptlab.schemas.api.plan import PlannedPipeline
from promptlab.schemas.api.queries import Query, Word
from promptlab.schemas.api.starting import Usd

type Named = Annotated[str, Field(min_length=1, max_length=500)]
type Template = Annotated[str, Field(max_length=1_000_000)]
type Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]

SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
TEMPLATE = "{% system %}Answer in one word.{% endsystem %}\n{{ ticket }}\n"
ORDER: dict[str, Any] = {
    "pipeline": "support_triage",
    "step": "classify",
    "variant": "few-shot",
    "row": 3,
    "template": TEMPLATE,
}
RENDERED: dict[str, Any] = {
    "pipeline": "support_triage",
    "step": "classify",
    "cell": "few-shot",
    "row": 3,
    "row_id": "t3",
    "prompt": {"path": "prompts/classify.j2", "sha256": SHA256, "text": TEMPLATE, "objection": None},
    "messages": [
        {
            "step": "classify",
            "status": "rendered",
            "model": "openai/gpt-4o-mini",
            "params": {"temperature": 0},
            "messages": [{"role": "user", "content": "Where is my parcel?"}],
            "missing": [],
            "tools": {},
            "error": None,
        }
    ],
    "problems": [],
    "more_problems": 0,
    "plan": None,
    "refusal": None,
    "room_usd": 0.5,
    "limit": "--max-cost of promptlab serve",
}


class PlaygroundQuery(Query):
    """Which prompt a page shows, on which row; `find`: a row by its id, or by what is in it."""

    step: Word | None = None
    variant: Word | None = None
    row: Annotated[int | None, Field(ge=0, lt=2**31)] = None
    find: Word | None = None


class PlaygroundOrder(Body):
    """A step of a pipeline on disk, by its name; the first step, cell and row unless they are named."""

    pipeline: Named = Field(examples=["support_triage"])
    step: Named | None = Field(default=None, description="Its path, as `parts.part` for one inside another.")
    variant: Named | None = Field(default=None, description="A variant, or a cell by its whole name.")


class RenderOrder(PlaygroundOrder):
    """`template`: the text of the prompt's file, front matter and all; null: as it is on disk."""

    model_config = ConfigDict(json_schema_extra={"examples": [ORDER]})

    row: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    template: Template | None = None


class TryOrder(RenderOrder):
    """The same, and what it may cost at most, in USD."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**ORDER, "max_cost": 0.05}]})

    max_cost: Usd | None = None


class SaveOrder(PlaygroundOrder):
    """`expected`: the SHA-256 of the file as it was when it was read."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{**{k: v for k, v in ORDER.items() if k != "row"}, "expected": SHA256}]
        }
    )

    template: Template
    expected: Digest


class PromptOnDisk(Answer):
    path: str
    sha256: str
    text: Annotated[str | None, Field(description="Null: not to be edited here, `objection` says why.")]
    objection: str | None


class RenderedPrompt(Answer):
    """What would be sent. Where `problems` has an error, `messages` is empty and `plan`, `row_id` are null.

    `plan`: what a run of it would do; `refusal`: why there can be none. `room_usd`: what its limits leave,
    null: there is none; `limit`: which of them leaves the least.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [RENDERED]})

    pipeline: str
    step: str
    cell: str
    row: int
    row_id: str | None
    prompt: PromptOnDisk
    messages: list[RenderedStep]
    problems: list[FileProblem]
    more_problems: int
    plan: PlannedPipeline | None
    refusal: str | None
    room_usd: float | None
    limit: str


class SavedPrompt(Answer):
    """What was written. `diff`: to the last commit where git has the file (`is_of_git`), else to before."""

    path: str
    sha256: str
    diff: str
    is_of_git: bool
