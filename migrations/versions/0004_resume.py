"""What a resume must know: what else a run was made with, when it went on, and tokens set aside."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("made_with", sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("resumed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("attempts", sa.Column("reserved_tokens", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("attempts", "reserved_tokens")
    op.drop_column("runs", "resumed_at")
    op.drop_column("runs", "made_with")
