"""Cut support tickets into parts."""

import re


def sentences(ticket: str) -> list[str]:
    """Give the sentences of a ticket, in order."""
    return [part for part in re.split(r"(?<=[.?!])\s+", ticket.strip()) if part]
