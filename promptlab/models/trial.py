"""Trials with their rows, steps and verdicts."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from promptlab.models.base import AnyText, Base, Json, UtcTime


class Row(Base):
    """What a row of the data set held, kept once."""

    __tablename__ = "rows"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    inputs: Mapped[Any] = mapped_column(Json, nullable=False)
    columns: Mapped[Any] = mapped_column(Json, nullable=False)


class Trial(Base):
    """Row × cell × repeat of a run; the unique index gives a run's trials in their order."""

    __tablename__ = "trials"
    __table_args__ = (Index(None, "run_id", "row", "cell_index", "repeat", unique=True),)

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    row: Mapped[int]
    row_id: Mapped[str] = mapped_column(AnyText)
    row_digest: Mapped[str] = mapped_column(String(64))
    cell_index: Mapped[int]
    cell: Mapped[str] = mapped_column(AnyText)
    variant: Mapped[str] = mapped_column(AnyText)
    axes: Mapped[Any] = mapped_column(Json, nullable=False)
    repeat: Mapped[int]
    status: Mapped[str] = mapped_column(String(16))
    outputs: Mapped[Any] = mapped_column(Json, nullable=True)
    tags: Mapped[Any] = mapped_column(Json, nullable=False)
    error: Mapped[str | None] = mapped_column(AnyText)
    score: Mapped[float | None]
    cost_usd: Mapped[float | None]
    spent_usd: Mapped[float | None]
    latency_ms: Mapped[float]
    finished_at: Mapped[datetime] = mapped_column(UtcTime)


class StepRun(Base):
    """How a step of a trial ended. `calls`: [fingerprint, completion id, recalled, attempts, tool] each.

    `said`: how many of `messages`, at their end, came after the step's own. Rows of revision 0001 have 0 and
    calls without `tool`.
    """

    __tablename__ = "step_runs"

    trial_id: Mapped[int] = mapped_column(ForeignKey("trials.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    step: Mapped[str] = mapped_column(AnyText)
    status: Mapped[str] = mapped_column(String(16))
    output: Mapped[Any] = mapped_column(Json, nullable=True)
    messages: Mapped[Any] = mapped_column(Json, nullable=False)
    said: Mapped[int] = mapped_column(server_default="0")
    calls: Mapped[Any] = mapped_column(Json, nullable=False)
    model: Mapped[str | None] = mapped_column(AnyText)
    input_tokens: Mapped[int]
    output_tokens: Mapped[int]
    cost_usd: Mapped[float | None]
    spent_usd: Mapped[float | None]
    latency_ms: Mapped[float]
    finish_reason: Mapped[str | None] = mapped_column(String(32))
    error: Mapped[str | None] = mapped_column(AnyText)
    error_kind: Mapped[str | None] = mapped_column(String(32))
    template_digest: Mapped[str | None] = mapped_column(String(64))
    includes_digest: Mapped[str | None] = mapped_column(String(64))
    row_digest: Mapped[str | None] = mapped_column(String(64))
    code_digest: Mapped[str | None] = mapped_column(String(64))
    logprobs: Mapped[Any] = mapped_column(Json, nullable=True)  # of the last answer; NULL: not told


class Verdict(Base):
    """What a check said. `step_position` NULL: a check of the pipeline. `asked` NULL: it asked no model."""

    __tablename__ = "verdicts"

    trial_id: Mapped[int] = mapped_column(ForeignKey("trials.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    step_position: Mapped[int | None]
    step: Mapped[str | None] = mapped_column(AnyText)
    name: Mapped[str] = mapped_column(AnyText)
    type: Mapped[str] = mapped_column(AnyText)
    metric: Mapped[str | None] = mapped_column(AnyText)
    status: Mapped[str] = mapped_column(String(16))
    score: Mapped[float | None]
    weight: Mapped[float]
    severity: Mapped[str] = mapped_column(String(8))
    reason: Mapped[str] = mapped_column(AnyText)
    asked: Mapped[Any] = mapped_column(Json, nullable=True)
