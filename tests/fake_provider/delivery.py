"""Sending a planned answer that is not written in one go."""

import asyncio
from typing import TYPE_CHECKING

from .faults import DELIVERY_FAULTS, Ending, Write

if TYPE_CHECKING:
    from .composer import Plan


async def deliver(plan: "Plan", write: Write, pause: float) -> Ending:
    """Send as the plan's fault does, else event by event with a pause (seconds) after each."""
    if plan.delivery and plan.rule:
        return await DELIVERY_FAULTS[plan.delivery](write, plan.reply, plan.rule)
    write(plan.reply.head())
    *pieces, end = plan.reply.pieces()
    for piece in pieces:
        write(piece)
        await asyncio.sleep(pause)
    write(end)
    return "sent"
