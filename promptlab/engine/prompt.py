"""A prompt file: its template and what its front matter says."""

from pydantic import Field

from promptlab.core.frozen import frozen
from promptlab.schemas.base import Frozen
from promptlab.schemas.pipeline import InputEntry, OutputSpec, Params
from promptlab.schemas.template import Template


class FrontMatter(Frozen):
    """What stands between `---` lines at the top of a prompt; a pipeline's own word goes first."""

    description: str = ""
    model: str | None = None
    params: Params = Params()
    inputs: dict[str, InputEntry] = Field(default_factory=dict)
    output: OutputSpec | None = None


@frozen
class PromptFile:
    path: str
    template: Template
    front: FrontMatter
