"""Finds addresses for names, and leaves out those that no request may go to."""

import socket

from aiohttp.abc import AbstractResolver, ResolveResult

from promptlab.core.addresses import may_resolve_to


class ForbiddenAddress(OSError):
    """A name stands for addresses alone that no request may go to."""


class GuardedResolver(AbstractResolver):
    """Resolves through another resolver for requests of one scheme."""

    def __init__(self, inner: AbstractResolver, scheme: str) -> None:
        self._inner = inner
        self._scheme = scheme

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        allowed = [one for one in found if may_resolve_to(self._scheme, one["host"])]
        if found and not allowed:
            raise ForbiddenAddress(
                f"{host} stands for {found[0]['host']}, where no request of {self._scheme} goes"
            )
        return allowed

    async def close(self) -> None:
        await self._inner.close()
