"""Ratings as the API takes and tells them."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field

from promptlab.schemas.api.base import Answer, Body
from promptlab.schemas.api.queries import Limit, Query, Word
from promptlab.schemas.ratings import LONGEST_NAME, LONGEST_NOTE, RatingPage, Thumb, TrialRating
from promptlab.schemas.ratings import Rating as Said

RATING: dict[str, Any] = {
    "id": 7,
    "run": "01kb3s9y7m8f4v2q6x0c5d1e3g",
    "row": 3,
    "row_id": "t3",
    "cell": "few-shot",
    "repeat": 0,
    "who": "Ada <ada@example.com>",
    "at": "2026-11-23T09:30:00+00:00",
    "thumb": "down",
    "note": "It is about the parcel, not the bill.",
}


def _short(note: str) -> str:
    if len(note.encode("utf-8", "surrogatepass")) > LONGEST_NOTE:
        raise ValueError(f"a note has at most {LONGEST_NOTE} bytes")
    return note.strip()


def _name(who: str) -> str:
    if not who.isprintable():
        raise ValueError("a name is one line of text")
    return who.strip()


type Note = Annotated[str, Field(max_length=LONGEST_NOTE), AfterValidator(_short)]
type Name = Annotated[str, Field(max_length=LONGEST_NAME), AfterValidator(_name)]


class RatingOrder(Body):
    """What somebody says of an answer. What is left out stays as they said it before; null takes it away."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"thumb": "down", "note": RATING["note"], "who": "Ada"}]}
    )

    thumb: Annotated[Thumb | None, Field(description="Is the answer good?")] = None
    note: Annotated[Note | None, Field(description="Why, in at most 4096 bytes.")] = None
    who: Annotated[Name | None, Field(description="Default: git's user at the server.")] = None


class RatingQuery(Query):
    """Which part of a list."""

    cursor: Annotated[Word | None, Field(description="`next` of the page before.")] = None
    limit: Annotated[Limit, Field(description="How many on a page.")] = 50


class Rating(Answer):
    """What somebody said of the answer of a trial."""

    model_config = ConfigDict(json_schema_extra={"examples": [RATING]})

    id: int
    run: str
    row: int
    row_id: str
    cell: str
    repeat: int
    who: str
    at: datetime
    thumb: Thumb | None
    note: str | None

    @classmethod
    def of(cls, rating: Said) -> "Rating":
        known = {name: getattr(rating, name) for name in cls.model_fields if name != "run"}
        return cls(**known, run=rating.run_id)


class RatingList(Answer):
    """What was said, the newest first; of a person the newest of an answer counts."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"ratings": [RATING], "next": None}]})

    ratings: list[Rating]
    next: Annotated[str | None, Field(description="The `cursor` of the next page; null: this is the last.")]

    @classmethod
    def of(cls, page: RatingPage) -> "RatingList":
        return cls(ratings=[Rating.of(one) for one in page.ratings], next=page.next)


class CountingRating(Answer):
    """A rating that a trial has; `run`: where it was given, another where that had the same answer."""

    id: int
    who: str
    at: datetime
    thumb: Thumb | None
    note: str | None
    run: str

    @classmethod
    def of(cls, rating: TrialRating) -> "CountingRating":
        known = {name: getattr(rating, name) for name in cls.model_fields if name != "run"}
        return cls(**known, run=rating.run_id)
