"""Runs that live in the server: started, cancelled, resumed and deleted."""

import asyncio

from fastapi import APIRouter, Response, status

from promptlab.live.hosting.depends import HostDep, IdempotencyKey, RunId
from promptlab.schemas.api.starting import Accepted, RemovalAnswer, ResumeOrder, RunOrder

router = APIRouter(prefix="/runs", tags=["runs"])


@router.post("", status_code=status.HTTP_202_ACCEPTED)
async def start_run(
    order: RunOrder, host: HostDep, response: Response, idempotency_key: IdempotencyKey = None
) -> Accepted:
    """Begin a run of a pipeline on disk; with an Idempotency-Key, once, however often this is asked."""
    return _accepted(await host.start(order.pipeline, order.said(), key=idempotency_key), response)


@router.post("/{run_id}/resume", status_code=status.HTTP_202_ACCEPTED)
async def resume_run(run_id: RunId, order: ResumeOrder, host: HostDep, response: Response) -> Accepted:
    """Go on with a run that was killed, interrupted or limited, or whose trials errored."""
    return _accepted(await host.resume(run_id, order.said()), response)


@router.post("/{run_id}/cancel", status_code=status.HTTP_202_ACCEPTED)
async def cancel_run(run_id: RunId, host: HostDep, response: Response) -> Accepted:
    """End a run: no call leaves any more, those in flight are awaited; asked again, they are not."""
    await host.cancel(run_id)
    return _accepted(run_id, response)


@router.get("/{run_id}/removal")
async def preview_removal(run_id: RunId, host: HostDep, *, answers: bool = False) -> RemovalAnswer:
    """Say what deleting a run takes away; `answers`: also those that no other run needs."""
    found = await asyncio.to_thread(host.records.preview, run_id, answers=answers)
    return RemovalAnswer(**found)


@router.delete("/{run_id}")
async def delete_run(run_id: RunId, host: HostDep, *, answers: bool = False) -> RemovalAnswer:
    """Delete a run with its trials; its answers stay for recall unless `answers` is said."""
    return RemovalAnswer(**await host.remove(run_id, answers=answers))


def _accepted(run_id: str, response: Response) -> Accepted:
    response.headers["Location"] = f"/api/runs/{run_id}"
    return Accepted(run=run_id, events=f"/api/runs/{run_id}/events")
