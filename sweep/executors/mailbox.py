"""Where cohorts lie until their worker takes them: an actor of a cluster, but plain Python here."""

import asyncio
from collections import defaultdict


class Mailbox:
    """A box per worker. It knows neither Ray nor JAX nor what lies in the boxes, so that its process stays small."""

    def __init__(self) -> None:
        self.boxes: defaultdict[str, asyncio.Queue[bytes]] = defaultdict(asyncio.Queue)

    async def put(self, worker: str, content: bytes) -> None:
        self.boxes[worker].put_nowait(content)

    async def take(self, worker: str) -> bytes:
        """What was put for the worker next; waits for it."""
        return await self.boxes[worker].get()

    async def answer(self) -> None:
        """Nothing, if it is there."""
