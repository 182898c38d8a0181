"""Forgetting in time: what is older than ``--retain`` is deleted, and gone from the files."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from jiyu.store import retention

if TYPE_CHECKING:
    from jiyu.gateway.state import State

_EVERY = 3600.0
_SCRUBS = 5


async def run(state: State, every: float = _EVERY) -> None:
    """Delete again and again; each worker process may, they do not meet at the same rows."""
    while True:
        await once(state)
        await asyncio.sleep(every)


async def once(state: State) -> int:
    """Delete what is too old now.

    Returns:
        How many conversations.

    Raises:
        StoreUnavailable: Later, then.
    """
    settings = state.settings
    if settings.retain_journal is not None:
        await asyncio.to_thread(retention.trim, state.database, settings.retain_journal)
    if settings.retain is None:
        return 0
    purged = await asyncio.to_thread(retention.purge, state.database, settings.retain)
    if purged:
        state.metrics.count("purged", n=purged)
        await asyncio.to_thread(_scrub, state)
    return purged


def _scrub(state: State) -> None:
    """Empty the log too; whoever reads an older state holds that up for a while."""
    for _ in range(_SCRUBS):
        if retention.scrub(state.database):
            return
        time.sleep(1.0)
