"""Runs, and the sources that they ran from."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from promptlab.models.base import AnyText, Base, Json, Packed, UtcTime


class Run(Base):
    """One pipeline run once. `id` sorts by time; its counts and costs grow while it runs."""

    __tablename__ = "runs"
    __table_args__ = (Index(None, "pipeline", "id"), Index(None, "status"))

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    pipeline: Mapped[str] = mapped_column(AnyText)
    path: Mapped[str | None] = mapped_column(AnyText)
    status: Mapped[str] = mapped_column(String(16))  # running, else how it ended
    started_at: Mapped[datetime] = mapped_column(UtcTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime)
    seconds: Mapped[float | None]
    reason: Mapped[str | None] = mapped_column(AnyText)  # why it stopped early
    git_commit: Mapped[str | None] = mapped_column(String(64))
    git_dirty: Mapped[bool | None]
    version: Mapped[str] = mapped_column(String(32))
    host: Mapped[str] = mapped_column(AnyText)
    user: Mapped[str] = mapped_column(AnyText)
    pid: Mapped[int]
    note: Mapped[str | None] = mapped_column(AnyText)
    options: Mapped[Any] = mapped_column(Json, nullable=False)
    cells: Mapped[Any] = mapped_column(Json, nullable=False)
    metrics: Mapped[Any] = mapped_column(Json, nullable=False)
    gates: Mapped[Any] = mapped_column(Json, nullable=False)
    planned: Mapped[int] = mapped_column(default=0)
    passed: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    errored: Mapped[int] = mapped_column(default=0)
    skipped: Mapped[int] = mapped_column(default=0)
    left: Mapped[int] = mapped_column(default=0)
    sent: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    recalled: Mapped[int] = mapped_column(default=0)
    cost_usd: Mapped[float | None]  # NULL: unknown
    spent_usd: Mapped[float | None]
    throttle: Mapped[Any] = mapped_column(Json, nullable=True)  # by model; NULL: not told
    made_with: Mapped[Any] = mapped_column(Json, nullable=True)  # NULL: written before runs could be resumed
    resumed_at: Mapped[datetime | None] = mapped_column(UtcTime)  # when its last part began


class Snapshot(Base):
    """The content of a source file, kept once."""

    __tablename__ = "snapshots"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    content: Mapped[bytes] = mapped_column(Packed)


class RunFile(Base):
    """A source file of a run as it was then."""

    __tablename__ = "run_files"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    path: Mapped[str] = mapped_column(AnyText, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    digest: Mapped[str] = mapped_column(ForeignKey("snapshots.digest"), index=True)
