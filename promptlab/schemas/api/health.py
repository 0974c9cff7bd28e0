"""Whether the server is there."""

from typing import Literal

from promptlab.schemas.api.base import Answer


class Health(Answer):
    status: Literal["ok"] = "ok"
