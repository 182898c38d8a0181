"""A real server for tests of what surrounds the judging: who may, how much, and what is told."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from jiyu.checker import Checker
from jiyu.gateway import logs, middleware, problems
from jiyu.gateway.limits import strict_json
from jiyu.gateway.metrics import Metrics
from jiyu.gateway.routers import ROUTERS
from jiyu.gateway.services import Services
from jiyu.gateway.settings import Settings
from jiyu.gateway.state import Current, State
from jiyu.policy.load import load_policy
from jiyu.store import keys
from jiyu.store.alerts import Alert
from jiyu.store.database import Database
from jiyu.store.keys import Role
from jiyu.store.scope import Scope
from jiyu.store.writer import Writer
from jiyu.store.writes import Write, store
from storing import acquired, owner

#: Wherever these words turn up, something has leaked.
SAID = "有完没完你烦死人"


def key_of(
    database: Database, role: Role, team: str | None = None, agent_id: str | None = None
) -> str:
    """Make a key."""
    with database.begin() as connection:
        return keys.create(connection, role, f"test {role}", Scope(team, agent_id))


def bearer(key: str) -> dict[str, str]:
    """The header that shows a key."""
    return {"Authorization": f"Bearer {key}"}


def raise_alerts(database: Database, *found: Alert, name: str = "c-1", **fields: Any) -> None:
    """Store alerts of a conversation, as the hub does."""
    lease = acquired(database, owner(database), name, **fields)
    with database.begin() as connection:
        store(connection, [Write(lease, alerts=found)])


async def echo(request: Request) -> JSONResponse:
    """Read a body strictly and say so; in place of the judging."""
    body = strict_json(await request.body())
    return JSONResponse({"decision": "allow", "fields": len(body)})


async def broken(request: Request) -> JSONResponse:
    """Fail with a message that must not be seen."""
    raise ValueError((await request.body()).decode())


def application(settings: Settings, database: Database, checker: Checker) -> FastAPI:
    """An application without judging."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        writer = Writer(database)
        metrics = Metrics(settings.metrics_dir)
        hub: Any = None
        app.state.jiyu = State(settings, database, writer, Current(database, checker), hub, metrics)
        app.state.services = Services(app.state.jiyu, sockets)
        await app.state.services.start()
        yield
        await app.state.services.stop()
        writer.close()

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None)
    for router in ROUTERS:
        app.include_router(router)
    app.router.routes.insert(0, Route("/v1/messages", echo, methods=["POST"]))
    app.router.routes.append(Route("/v1/conversations", broken, methods=["POST"]))
    app.router.routes.append(Route("/unlisted", echo, methods=["GET", "POST"]))
    problems.install(app)
    sockets = middleware.install(app, settings)
    return app


@dataclass
class Running:
    """A server that listens."""

    app: FastAPI
    url: str
    database: Database
    server: uvicorn.Server

    def client(self, key: str | None = None, **options: Any) -> httpx.Client:
        """A client with a key."""
        headers = {} if key is None else bearer(key)
        return httpx.Client(base_url=self.url, headers=headers, trust_env=False, **options)

    @property
    def state(self) -> State:
        """What the routes share."""
        state: State = self.app.state.jiyu
        return state


@contextlib.contextmanager
def running(app: FastAPI, database: Database) -> Iterator[Running]:
    """Serve an application from a thread."""
    config = uvicorn.Config(
        app,
        port=0,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = time.monotonic() + 10
    while not server.started and time.monotonic() < end:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Running(app, f"http://127.0.0.1:{port}", database, server)
    finally:
        server.should_exit = True
        thread.join(10)


@contextlib.contextmanager
def served(folder: Path, judged_by: Path, **settings: Any) -> Iterator[Running]:
    """Serve the application without judging, with a new store in a folder."""
    chosen = Settings(**({"db": f"sqlite:///{folder / 'served.db'}"} | settings))
    database = Database(chosen.db)
    log = (folder / "log").open("ab", buffering=0)
    logs.configure(chosen, log)
    try:
        app = application(chosen, database, Checker(load_policy(judged_by)))
        with running(app, database) as server:
            yield server
    finally:
        database.close()
        log.close()


def eventually(condition: Any, seconds: float = 10.0) -> Any:
    """Wait until something is so, and return it."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.02)
    return found
