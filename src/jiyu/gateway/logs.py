"""JSON logs: one line a request, by the template of its path; no text, no query, no body.

An exception is logged by its kind and the places it passed, without its message: that may quote.
"""

from __future__ import annotations

import contextlib
import logging
import re
import sys
import time
import traceback
from collections.abc import MutableMapping
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any, BinaryIO

import msgspec
import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jiyu.gateway.problems import Refused, send_refusal
from jiyu.gateway.settings import Settings
from jiyu.text.personal import mask

_TRACE = "jiyu.trace"
_ID = re.compile(rb"[A-Za-z0-9_-]{1,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "WS"})
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
#: Written by us, from closed sets.
_PLAIN = frozenset({"event", "level", "timestamp", "request", "key", "method", "path", "error"})

log: structlog.typing.FilteringBoundLogger = structlog.get_logger("jiyu")


class Trace:
    """What is known of a request by the time it is answered."""

    __slots__ = ("key_id", "lasting", "request_id", "status", "template")

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.key_id: str | None = None
        self.template = "-"
        # A stream, whose end says nothing of how quickly it was answered.
        self.lasting = False
        self.status = 0


def trace_of(scope: Scope) -> Trace | None:
    """Return the trace of a request, if it is logged."""
    trace: Trace | None = scope.get(_TRACE)
    return trace


def configure(settings: Settings, stream: BinaryIO | None = None) -> None:
    """Send all logs to a stream (stderr if left out) as JSON, those of libraries too."""
    global _sink  # noqa: PLW0603 - logging is one for the process
    _sink = _Sink(stream)
    level = _LEVELS[settings.log_level]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            masked,
            structlog.processors.JSONRenderer(serializer=_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_sink,
        cache_logger_on_first_use=stream is None,
    )
    root = logging.getLogger()
    root.handlers = [_Library()]
    root.setLevel(max(level, logging.WARNING))
    # Its start and stop are worth a line; its access log repeats ours with ids in it.
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).setLevel(level)
        logging.getLogger(name).handlers = []
    logging.getLogger("uvicorn.access").disabled = True


class _Sink:
    """Where lines go; a full disk or a closed pipe there must not fail a request."""

    def __init__(self, stream: BinaryIO | None = None) -> None:
        self._stream = stream

    def __call__(self, *_: Any) -> _Sink:
        return self

    def msg(self, line: bytes) -> None:
        """Write a line at once."""
        stream = self._stream or getattr(sys.stderr, "buffer", None)
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.write(line + b"\n")
                stream.flush()

    debug = info = warning = error = critical = msg


_sink = _Sink()
_encode = msgspec.json.Encoder().encode


class _Line(msgspec.Struct):
    """A request that was answered."""

    request: str
    key: str | None
    method: str
    path: str
    status: int
    ms: float
    timestamp: datetime
    event: str = "request"
    level: str = "info"


class RequestLog:
    """The outermost layer: a line and an id for each request, and an answer to every error."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._lines = settings.log_requests and _LEVELS[settings.log_level] <= _LEVELS["info"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        trace = scope[_TRACE] = Trace(_request_id(scope))
        identity = (b"x-request-id", trace.request_id.encode())
        begun = time.perf_counter()

        async def noted(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                trace.status = message["status"]
                message["headers"] = [*message.get("headers", ()), identity]
            elif message["type"] == "websocket.accept":
                trace.status = 101
            elif message["type"] == "websocket.close" and not trace.status:
                trace.status = 403
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception as error:
            failed("request.failed", error, request=trace.request_id, path=trace.template)
            await _apologise(trace, scope, receive, noted)
        finally:
            taken = time.perf_counter() - begun
            _count(scope, trace, taken)
            if self._lines:
                self._line(scope, trace, taken)

    @staticmethod
    def _line(scope: Scope, trace: Trace, taken: float) -> None:
        """Write the line of a request; past structlog, which takes as long as all the rest."""
        line = _Line(
            request=trace.request_id,
            key=trace.key_id,
            method=_method(scope),
            path=trace.template,
            status=trace.status,
            ms=round(taken * 1000, 2),
            timestamp=datetime.now(UTC),
        )
        _sink.msg(_encode(line))


def failed(event: str, error: BaseException, **context: str) -> None:
    """Log an error by its kind and where it happened, without what it says."""
    log.error(event, error=type(error).__name__, at=places(error), **context)


def places(error: BaseException, depth: int = 12) -> list[str]:
    """Return the last places that an error passed, innermost last."""
    frames = traceback.extract_tb(error.__traceback__)[-depth:]
    return [f"{_short(frame.filename)}:{frame.lineno}" for frame in frames]


def masked(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put ``*`` for personal data in whatever is not from a closed set."""
    for key, value in event.items():
        if isinstance(value, str) and key not in _PLAIN:
            event[key] = mask(value)
    return event


class _Library(logging.Handler):
    """Hand on what libraries log: their words for a start or stop, never for an exception."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        level = record.levelname.lower()
        error = record.exc_info[1] if record.exc_info else None
        fields: dict[str, Any] = {"logger": record.name}
        if error is not None:
            fields |= {"error": type(error).__name__, "at": places(error)}
        elif record.name.startswith("uvicorn") and record.levelno < logging.WARNING:
            fields["message"] = record.getMessage()
        else:
            # The format and not what fills it, which may have come from outside; asyncio appends
            # the exception's own words in further lines.
            fields["message"] = str(record.msg).partition("\n")[0][:200]
        getattr(log, level if level in _LEVELS else "error")("library", **fields)


def _count(scope: Scope, trace: Trace, taken: float) -> None:
    state = getattr(scope["app"].state, "jiyu", None)
    if state is None or state.metrics is None:
        return
    state.metrics.count("requests", _method(scope), trace.template, str(trace.status))
    if not trace.lasting:
        state.metrics.observe("request_seconds", taken, trace.template)


def _method(scope: Scope) -> str:
    """Return the method; a client may call it what it likes, and that may be a text."""
    method: str = scope.get("method", "WS")
    return method if method in _METHODS else "other"


async def _apologise(trace: Trace, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 500, unless an answer has begun."""
    if not trace.status:
        await send_refusal(Refused(500), scope, receive, send)
    elif scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1011})


def _request_id(scope: Scope) -> str:
    """Return the id that a proxy gave, or one of our own."""
    given = next((v for k, v in scope["headers"] if k == b"x-request-id"), b"")
    # Long enough to be one; a short word or number might be anything.
    return given.decode() if len(given) >= 8 and _ID.fullmatch(given) else token_hex(8)


def _short(file: str) -> str:
    return "/".join(file.replace("\\", "/").rsplit("/", 2)[-2:])


def _json(event: Any, **_options: Any) -> bytes:
    return msgspec.json.encode(event, enc_hook=lambda value: type(value).__name__)
