"""How much one caller may send, and JSON that means one thing only."""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jiyu.gateway.problems import Refused, send_refusal

_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
_NAMES = frozenset(name for name, _ in _HEADERS)
#: Deeper JSON is none that anybody needs.
_DEPTH = 64


class Buckets:
    """Token buckets, one a key, in this process."""

    def __init__(self, rate: float, burst: float) -> None:
        """Give every key ``rate`` tokens a second, and no more than ``burst`` at once."""
        self._rate = rate
        self._burst = burst
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, key: str) -> float:
        """Take a token; return the seconds to wait if there is none, else 0."""
        now = time.monotonic()
        level, since = self._levels.get(key, (self._burst, now))
        level = min(self._burst, level + (now - since) * self._rate)
        if level >= 1:
            self._levels[key] = (level - 1, now)
            return 0.0
        self._levels[key] = (level, now)
        return (1 - level) / self._rate


class Sockets:
    """What each key holds open in this process: WebSockets and event streams."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: Counter[str] = Counter()

    def enter(self, key: str) -> bool:
        """Count one more; false if it is one too many."""
        if self._open[key] >= self._limit:
            return False
        self._open[key] += 1
        return True

    def leave(self, key: str) -> None:
        """Count one less."""
        self._open[key] -= 1
        if not self._open[key]:
            del self._open[key]

    @property
    def total(self) -> int:
        """How many are open."""
        return self._open.total()


class BodyLimit:
    """Refuse a body that is too long, by its announced length or as soon as it is."""

    def __init__(self, app: ASGIApp, limit: int, larger: dict[str, int]) -> None:
        """Wrap an application.

        Args:
            app: What to wrap.
            limit: Bytes.
            larger: Other limits of some paths.
        """
        self._app = app
        self._limit = limit
        self._larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._larger.get(scope["path"], self._limit)
        announced = next((v for k, v in scope["headers"] if k == b"content-length"), b"0")
        if not announced.isdigit() or int(announced) > limit:
            await send_refusal(_too_large(limit), scope, receive, send)
            return
        received = 0

        async def limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise _too_large(limit)
            return message

        await self._app(scope, limited, send)


class SecurityHeaders:
    """Tell browsers to do nothing clever; a page sets its own policy and keeps it.

    No CORS header is ever sent, so no other site's page reads an answer.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.setdefault("headers", [])
                there = {name.lower() for name, _ in headers}
                if there.isdisjoint(_NAMES):
                    message["headers"] = [*headers, *_HEADERS]
                else:
                    message["headers"] = [*headers, *(h for h in _HEADERS if h[0] not in there)]
            await send(message)

        await self._app(scope, receive, secured)


def strict_json(raw: bytes) -> Any:
    """Read JSON that every reader understands alike.

    Raises:
        Refused: Not UTF-8, a key that is there twice, NaN or a number without end, half a
            character, or too deep.
    """
    try:
        value = _decoder.decode(raw.decode("utf-8"))
        if b"\\ud" in raw or b"\\uD" in raw:
            json.dumps(value, ensure_ascii=False).encode()
    except Refused:
        raise
    except RecursionError:
        raise _not_json("nested too deeply") from None
    except UnicodeError:
        raise _not_json("text that is not Unicode") from None
    except json.JSONDecodeError as error:
        raise _not_json(f"not JSON at character {error.pos}") from None
    except ValueError:
        raise _not_json("a number that is too long") from None
    if _deeper(value, _DEPTH):
        raise _not_json("nested too deeply")
    return value


class StrictRoute(APIRoute):
    """A route whose body FastAPI reads by ``strict_json``."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Hand the handler a request that reads strictly."""
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handler(_StrictRequest(request.scope, request.receive))

        return strict


class _StrictRequest(Request):
    async def json(self) -> Any:
        """Return the body as JSON."""
        if not hasattr(self, "_strict"):
            self._strict = strict_json(await self.body())
        return self._strict


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict(pairs)
    if len(built) != len(pairs):
        raise _not_json("a key is there twice")
    return built


def _constant(_name: str) -> float:
    raise _not_json("NaN and Infinity are no numbers of JSON")


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _not_json("a number that is too large")
    return number


_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=_float)


def _deeper(value: Any, left: int) -> bool:
    """Say whether lists and objects lie in each other more often than allowed."""
    if isinstance(value, dict):
        inner: Any = value.values()
    elif isinstance(value, list):
        inner = value
    else:
        return False
    return left == 0 or any(_deeper(v, left - 1) for v in inner if isinstance(v, dict | list))


def _not_json(message: str) -> Refused:
    return Refused(422, message, code="json", place="body")


def _too_large(limit: int) -> Refused:
    return Refused(413, f"the body is longer than {limit} bytes")
