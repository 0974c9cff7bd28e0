"""Calls of tools: those of an answer, and how much of a step's conversation came after its own messages."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("completions", sa.Column("tool_calls", sa.Text(), nullable=True))
    op.add_column("step_runs", sa.Column("said", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("step_runs", "said")
    op.drop_column("completions", "tool_calls")
