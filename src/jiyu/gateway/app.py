"""The application: routes, what they stand on, and how it begins and ends."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from types import FrameType
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from jiyu.gateway import conversations, live, messages, middleware, policies, problems, schemas
from jiyu.gateway.hub import Hub
from jiyu.gateway.metrics import Metrics
from jiyu.gateway.routers import ROUTERS
from jiyu.gateway.services import Services
from jiyu.gateway.settings import Settings
from jiyu.gateway.startup import check_startup
from jiyu.gateway.state import State, first_policy
from jiyu.model import Alert
from jiyu.store.database import Database
from jiyu.store.writer import Writer

_TITLE = "jiyu 忌语"
_SAID = """Live and batch judging of Chinese customer service against its norms.

Live conversations go over `WS /v1/live`; its frames are described at `/v1/live/schema.json`."""
_REF = "#/components/schemas/{model}"
#: Bodies that no function of FastAPI reads.
_HOT = (schemas.MessageIn, schemas.MessagesIn, schemas.JudgedOut, schemas.ResultsOut)
_MORE = (schemas.ConversationIn, schemas.ProblemOut)


def build(settings: Settings, state: State | None = None) -> FastAPI:
    """Return the application.

    Args:
        settings: All that it can be told.
        state: What it stands on, if that is open already; closed with the application.
    """
    app = FastAPI(
        title=_TITLE,
        description=_SAID,
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.settings, app.state.jiyu = settings, state
    app.state.open_sockets = middleware.install(app, settings)
    problems.install(app)
    # First: the hot ones are found at once, and pass none of FastAPI's layers.
    app.router.routes[:0] = [*messages.routes, *live.routes]
    for router in (conversations.router, _own, *ROUTERS):
        app.include_router(router)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    return app


_own = APIRouter(tags=["live"])


@_own.get("/v1/live/schema.json", summary="The frames of WS /v1/live as JSON Schema")
async def live_schema() -> dict[str, Any]:
    """Return what a client sends and what it is answered."""
    return schemas.live_schema()


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open everything before the first request, and give it back after the last.

    Raises:
        JiyuError: The store or the policy cannot be used.
    """
    state: State = app.state.jiyu or await asyncio.to_thread(opened, app.state.settings)
    try:
        services = Services(state, app.state.open_sockets)
        app.state.jiyu, app.state.services = state, services
        _count(state, services)
        await state.hub.start()
        await services.start()
        _on_hangup(state)
        _on_end(state, services)
        try:
            yield
        finally:
            services.drain()
            await state.drain_sockets()
            await state.hub.drain()
            await services.stop()
    finally:
        await asyncio.to_thread(closed, state)


def opened(settings: Settings) -> State:
    """Open the store and find the policy.

    Raises:
        JiyuError: One of them cannot be used, or anybody could use the server.
    """
    database = Database(settings.db)
    try:
        check_startup(settings, database)
        current = first_policy(database, settings.policy)
    except BaseException:
        database.close()
        raise
    writer = Writer(database)
    hub = Hub(database, writer, current, idle=settings.idle)
    return State(settings, database, writer, current, hub, Metrics(settings.metrics_dir))


def closed(state: State) -> None:
    """Close the store."""
    state.writer.close()
    state.database.close()


def _count(state: State, services: Services) -> None:
    """Let metrics and streams know what happens in live conversations."""
    metrics = state.metrics
    metrics.gauge("open_sessions", lambda: len(state.hub.opened))
    metrics.gauge("queue_depth", lambda: state.writer.depth)

    def told(alerts: list[Alert]) -> None:
        for alert in alerts:
            metrics.alert(alert.finding.rule, alert.type)
        services.wake()

    state.hub.pipeline.on_alerts = told
    state.hub.pipeline.metrics = metrics


def _on_hangup(state: State) -> None:
    """Read the policy anew on ``SIGHUP``, where there is such a thing."""
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[Any]] = set()

    def reload() -> None:
        task = loop.create_task(policies.reload(state))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    # Not in a thread of a test, and not on every system.
    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError, AttributeError):
        loop.add_signal_handler(signal.SIGHUP, reload)


def _on_end(state: State, services: Services) -> None:
    """Let clients have their acknowledgements before the server hangs up; twice is at once."""
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()
    if threading.current_thread() is not threading.main_thread():
        return

    async def leave(end: Callable[[], object]) -> None:
        services.drain()
        await state.drain_sockets()
        end()

    def asked(end: Callable[[], object]) -> None:
        if state.draining:
            end()
            return
        state.draining = True
        tasks.add(loop.create_task(leave(end)))

    for number in (signal.SIGTERM, signal.SIGINT):
        # The server's own handlers are there already; they end it, whatever is under way.
        before = signal.getsignal(number)
        if callable(before):

            def handler(n: int, frame: FrameType | None, end: Any = before) -> None:
                loop.call_soon_threadsafe(asked, partial(end, n, frame))

            signal.signal(number, handler)


def _document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document, with the hot routes that FastAPI does not know of."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version="1", description=app.description, routes=app.routes
        )
        modes = [(model, "validation") for model in (*_HOT, *_MORE)]
        _, definitions = models_json_schema(modes, ref_template=_REF)  # type: ignore[arg-type]
        known = document.setdefault("components", {}).setdefault("schemas", {})
        for name, schema in definitions["$defs"].items():
            known.setdefault(name, schema)
        document["paths"]["/v1/messages"] = {"post": _messages()}
        known_security(document)
        app.openapi_schema = document
    return app.openapi_schema


def known_security(document: dict[str, Any]) -> None:
    """Say that a key is needed."""
    document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"key": []}]


def _messages() -> dict[str, Any]:
    def either(*names: str) -> dict[str, Any]:
        options = [{"$ref": _REF.format(model=name)} for name in names]
        return {"application/json": {"schema": {"anyOf": options}}}

    problem = either("ProblemOut")
    codes = {
        "401": "No key.",
        "403": "Wrong role.",
        "413": "Too long.",
        "422": "Invalid.",
        "429": "Too often.",
        "503": "The store cannot be reached.",
    }
    return {
        "tags": ["messages"],
        "summary": "May this be sent?",
        "description": (messages.__doc__ or "").partition("\n\n")[2],
        "operationId": "judge_messages",
        "requestBody": {"required": True, "content": either("MessageIn", "MessagesIn")},
        "responses": {
            "200": {"description": "What to do.", "content": either("JudgedOut", "ResultsOut")},
            **{code: {"description": said, "content": problem} for code, said in codes.items()},
        },
    }
