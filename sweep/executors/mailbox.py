"""A mailbox per worker, run as a Ray actor. This file imports neither ray nor jax, so that the actor's process stays
small."""

import asyncio
from collections import defaultdict


class Mailbox:
    """Queues of pickled tasks, one per worker, each made when it is first named."""

    def __init__(self) -> None:
        self.queues: defaultdict[str, asyncio.Queue[bytes]] = defaultdict(asyncio.Queue)

    async def put(self, worker: str, content: bytes) -> None:
        """Appends to a worker's queue."""
        self.queues[worker].put_nowait(content)

    async def take(self, worker: str) -> bytes:
        """Removes and returns what was put first for the worker; waits until there is something."""
        return await self.queues[worker].get()

    async def ping(self) -> None:
        """Returns immediately; used to check that the actor is alive."""
