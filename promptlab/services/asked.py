"""Runs that somebody asked a server for: found again by the key under which they were."""

import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Text, select, type_coerce
from sqlalchemy.orm import Session

from promptlab.core.ids import lowest_id
from promptlab.core.json import JSON, digest
from promptlab.models import Run

KEPT_SECONDS = 24 * 60 * 60
UNDER = "asked"


def asked_under(key: str, order: Mapping[str, JSON]) -> dict[str, JSON]:
    """Give what a run keeps of the key and the order that it was asked for with."""
    return {UNDER: {"key": digest(key), "order": digest(dict(order))}}


class AskedService:
    def __init__(self, session: Session) -> None:
        self._session = session

    def run_of(self, key: str) -> tuple[str, str] | None:
        """Give the run of the last day that was asked for under a key, and the digest of the order."""
        wanted = digest(key)
        oldest = lowest_id(time.time() - KEPT_SECONDS)
        query = (
            select(Run.id, Run.made_with)
            .where(Run.id >= oldest, type_coerce(Run.made_with, Text).contains(wanted))
            .order_by(Run.id.desc())
        )
        for run_id, made_with in self._session.execute(query):
            asked: Mapping[str, Any] = made_with.get(UNDER, {})
            if asked.get("key") == wanted:
                return run_id, str(asked.get("order"))
        return None
