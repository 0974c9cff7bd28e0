"""The base of all that is read from a user's file: frozen, strict, no unknown keys."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Frozen(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True, defer_build=True
    )


def _some[T](items: tuple[T, ...]) -> tuple[T, ...]:
    if not items:
        raise ValueError("needs at least one item")
    return items


type Items[T] = Annotated[tuple[T, ...], Field(strict=False)]
type SomeItems[T] = Annotated[tuple[T, ...], Field(strict=False), AfterValidator(_some)]
