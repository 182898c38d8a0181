"""The server around the application: uvicorn, told how to begin and to end."""

from __future__ import annotations

import gc
import signal
import sys
from functools import partial

import uvicorn
from fastapi import FastAPI

from jiyu.gateway import logs
from jiyu.gateway.app import build, closed, opened
from jiyu.gateway.settings import Settings
from jiyu.gateway.state import State
from jiyu.gateway.workers import Workers

#: Seconds that requests get to end before they are cut off.
_GRACE = 15
#: Seconds that one thread may keep the others waiting.
_TURN = 0.001


def application(settings: Settings, state: State | None = None) -> FastAPI:
    """Return the application of a process that serves nothing else.

    Args:
        settings: All that it can be told.
        state: What it stands on, if that is open already.
    """
    logs.configure(settings)
    app = build(settings, state)
    # The writer's thread needs its turn while this one judges; 5 ms a turn is long for a commit.
    sys.setswitchinterval(_TURN)
    # The modules stay: looking through them for garbage would hold up messages.
    gc.freeze()
    return app


def run(settings: Settings) -> bool:
    """Serve until the process is asked to end.

    Returns:
        Whether it ever served.

    Raises:
        JiyuError: The store or the policy cannot be used.
    """
    state = opened(settings)
    config = config_of(settings, state if settings.workers == 1 else None)
    listening = config.bind_socket()
    address, port = listening.getsockname()[:2]
    print(f"jiyu http://{address}:{port}", file=sys.stderr, flush=True)  # noqa: T201 - for its user
    if settings.workers > 1:
        # Its processes open their own; this was to find out what is wrong before they start.
        closed(state)
        Workers(config, sockets=[listening]).run()
        return True
    for number in (signal.SIGTERM, signal.SIGINT):
        # Asked for again after a clean end, which is then one.
        signal.signal(number, lambda *_: None)
    server = uvicorn.Server(config)
    server.run(sockets=[listening])
    return server.started


def config_of(settings: Settings, state: State | None = None) -> uvicorn.Config:
    """Return uvicorn's configuration; without a state it can be sent to worker processes."""
    return uvicorn.Config(
        partial(application, settings, state),
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http="httptools",
        ws="websockets-sansio",
        ws_max_size=settings.body_limit,
        # Chinese text of a sentence is not worth the memory and time of compressing it.
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
    )
