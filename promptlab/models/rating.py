"""What people said of answers."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from promptlab.models.base import AnyText, Base, UtcTime


class Rating(Base):
    """What somebody said of the answer of a trial; the newest of a person counts. `thumb` NULL: a note alone.

    A trial is named, not pointed to: resumed, it is written anew. `digest`: of its inputs and its outputs.
    """

    __tablename__ = "ratings"
    __table_args__ = (Index(None, "run_id", "row"), Index(None, "row_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    row: Mapped[int]
    row_id: Mapped[str] = mapped_column(AnyText)
    cell: Mapped[str] = mapped_column(AnyText)
    repeat: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    who: Mapped[str] = mapped_column(AnyText)
    at: Mapped[datetime] = mapped_column(UtcTime)
    thumb: Mapped[str | None] = mapped_column(String(4))
    note: Mapped[str | None] = mapped_column(AnyText)
