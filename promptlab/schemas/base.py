"""The base of all that is read from a user's file: frozen, strict, no unknown keys."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True)


type Items[T] = Annotated[tuple[T, ...], Field(strict=False)]
