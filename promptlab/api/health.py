"""Whether the server is there; the one route that asks for no token."""

from fastapi import APIRouter

from promptlab.schemas.api.health import Health

router = APIRouter(prefix="/health", tags=["health"])


@router.get("")
async def read_health() -> Health:
    """Say that the server is there."""
    return Health()
