"""The bases of the API's bodies."""

from pydantic import BaseModel, ConfigDict


class Body(BaseModel):
    """What a request carries: strict, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Answer(BaseModel):
    """What a response carries."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_serialization_defaults_required=True)
