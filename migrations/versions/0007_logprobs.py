"""How probable a model found the tokens of an answer."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLES = ("completions", "step_runs")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("logprobs", sa.Text(), nullable=True))


def downgrade() -> None:
    for table in TABLES:
        with op.batch_alter_table(table) as altered:
            altered.drop_column("logprobs")
