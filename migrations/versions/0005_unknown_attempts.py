"""Attempts of unknown outcome are found without a look at all the others."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    is_unknown = sa.text("state = 'unknown'")
    op.create_index(
        "ix_attempts_unknown",
        "attempts",
        ["fingerprint"],
        sqlite_where=is_unknown,
        postgresql_where=is_unknown,
    )


def downgrade() -> None:
    op.drop_index("ix_attempts_unknown", table_name="attempts")
