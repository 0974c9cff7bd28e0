"""Answers, which outlive the runs that bought them, and the attempts to get them."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from promptlab.models.base import AnyText, Base, Json, Packed, UtcTime

IS_UNKNOWN = "state = 'unknown'"  # as the index says it, so that it serves


class Completion(Base):
    """A whole answer. The newest of a fingerprint is the one that is recalled.

    `tool_calls`, `logprobs` NULL: none.
    """

    __tablename__ = "completions"
    __table_args__ = (Index(None, "fingerprint", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    run_id: Mapped[str] = mapped_column(String(26))
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    provider: Mapped[str] = mapped_column(AnyText)
    model: Mapped[str] = mapped_column(AnyText)
    request: Mapped[Any] = mapped_column(Json, nullable=False)
    text: Mapped[str] = mapped_column(AnyText)
    tool_calls: Mapped[Any] = mapped_column(Json, nullable=True)
    finish_reason: Mapped[str] = mapped_column(String(32))
    answered_by: Mapped[str] = mapped_column(AnyText)
    input_tokens: Mapped[int]
    output_tokens: Mapped[int]
    cached_tokens: Mapped[int]
    reasoning_tokens: Mapped[int]
    cost_usd: Mapped[float | None]
    latency_ms: Mapped[float]
    first_token_ms: Mapped[float | None]
    attempts: Mapped[int]
    raw: Mapped[bytes] = mapped_column(Packed)
    logprobs: Mapped[Any] = mapped_column(Json, nullable=True)


class Attempt(Base):
    """A request that was about to leave (`intent`) and how it ended (`received`, `failed`, `unknown`)."""

    __tablename__ = "attempts"
    __table_args__ = (
        Index(None, "run_id"),
        Index(None, "sent_at"),
        # to name PostgreSQL here, too, would import its dialect: its migration says the same of it
        Index("ix_attempts_unknown", "fingerprint", sqlite_where=text(IS_UNKNOWN)),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(String(26))
    fingerprint: Mapped[str] = mapped_column(String(64))
    provider: Mapped[str] = mapped_column(AnyText)
    model: Mapped[str] = mapped_column(AnyText)
    number: Mapped[int]
    state: Mapped[str] = mapped_column(String(16))
    reserved_usd: Mapped[float | None]
    reserved_tokens: Mapped[int | None]
    spent_usd: Mapped[float | None]
    status_code: Mapped[int | None]
    error_kind: Mapped[str | None] = mapped_column(String(32))
    error: Mapped[str | None] = mapped_column(AnyText)
    completion_id: Mapped[int | None]
    sent_at: Mapped[datetime] = mapped_column(UtcTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime)
