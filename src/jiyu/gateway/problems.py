"""What is answered when something is wrong: one shape, and never what was said.

``{"error": {"code": "too_long", "message": "…", "place": "turns[3].text"}}``
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, cast

import msgspec
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from jiyu.errors import (
    InputError,
    JiyuError,
    LeaseLost,
    PolicyError,
    Problem,
    StoreError,
    StoreUnavailable,
)

_CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid",
    429: "too_many_requests",
    500: "internal",
    503: "unavailable",
}
_MESSAGES = {
    401: "a valid key is needed: Authorization: Bearer jiyu_…",
    403: "this key's role does not allow it",
    404: "there is no such thing, or it is not yours to see",
    500: "an error of the server; its log says where",
    503: "the store cannot be reached; try again",
}
_POLICY = "the policy cannot be used"
_JSON = "application/json"


class Refused(HTTPException):
    """A request that is not done, and what its caller is told.

    A subclass of Starlette's, so that it passes through FastAPI's own handling unchanged.
    """

    def __init__(
        self,
        status: int,
        message: str | None = None,
        *,
        code: str | None = None,
        place: str | None = None,
        retry_after: float | None = None,
        problems: Iterable[Problem] = (),
    ) -> None:
        """Say what is wrong.

        Args:
            status: Of HTTP.
            message: For a reader; without transcript text.
            code: For a program; told by the status if left out.
            place: Where in the body.
            retry_after: Seconds.
            problems: Everything that is wrong with a policy.
        """
        headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
        if retry_after is not None:
            headers["Retry-After"] = str(max(1, round(retry_after)))
        super().__init__(status, message or _MESSAGES.get(status) or _phrase(status), headers)
        self.code = code or _CODES.get(status, "error")
        self.place = place
        self.problems = tuple(problems)

    def body(self) -> bytes:
        """Return the answer's body."""
        said: dict[str, Any] = {"code": self.code, "message": self.detail}
        if self.place is not None:
            said["place"] = self.place
        if self.problems:
            said["problems"] = [
                {
                    "place": str(p.source) if p.line is None else f"{p.source}:{p.line}",
                    "message": p.message,
                }
                for p in self.problems
            ]
        return msgspec.json.encode({"error": said})

    def response(self) -> Response:
        """Return the answer."""
        return Response(self.body(), self.status_code, self.headers, media_type=_JSON)


def refusal(error: Exception) -> Refused:
    """Return how an error is told to the caller."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, HTTPException):
        refused = Refused(error.status_code)
        refused.headers = {**(error.headers or {}), **(refused.headers or {})}
        return refused
    told = next((tell for kind, tell in _TOLD if isinstance(error, kind)), None)
    return Refused(500) if told is None else told(error)


def install(app: FastAPI) -> None:
    """Let an application answer in this shape only.

    What is unforeseen is not among it: the outermost middleware answers and logs it, so that no
    server writes a traceback with what was said.
    """
    handled = (HTTPException, RequestValidationError, JiyuError)
    for kind in handled:
        app.add_exception_handler(kind, answer)


async def answer(_request: Request, error: Exception) -> Response:
    """Answer an error."""
    return refusal(error).response()


async def send_refusal(refused: Refused, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
    """Answer from a middleware, a WebSocket before it was accepted too."""
    if scope["type"] == "websocket":
        if "websocket.http.response" in scope.get("extensions", {}):
            headers = [(k.lower().encode(), v.encode()) for k, v in (refused.headers or {}).items()]
            headers.append((b"content-type", _JSON.encode()))
            start = {"type": "websocket.http.response.start", "status": refused.status_code}
            await send({**start, "headers": headers})
            await send({"type": "websocket.http.response.body", "body": refused.body()})
        else:
            await send({"type": "websocket.close", "code": 4000 + refused.status_code})
        return
    await cast("ASGIApp", refused.response())(dict(scope), receive, send)


def _invalid(error: RequestValidationError) -> Refused:
    """Say what a body or parameter lacks; the validator's own words, never the value."""
    details = error.errors()
    if not details:
        return Refused(422)
    first = details[0]
    # Only texts of the schema's own: a message of type "value_error" may quote.
    message = "invalid value" if first["type"] == "value_error" else str(first["msg"])
    return Refused(422, message, place=place_of(first["loc"]))


def _unreadable(error: InputError) -> Refused:
    first = error.problems[0] if error.problems else Problem("-", None, "invalid")
    return Refused(422, first.message, place=None if first.source == "-" else first.source)


def place_of(location: Iterable[str | int]) -> str:
    """Write a place as ``turns[3].text``; keys that a client made up are not repeated."""
    place = ""
    for part in list(location)[1:] or list(location):
        if isinstance(part, int):
            place += f"[{part}]"
        else:
            known = part if part.isidentifier() and part.isascii() and len(part) <= 40 else "…"
            place += f".{known}" if place else known
    return place


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "error"


#: The first that fits; the narrower kind comes first.
_TOLD: tuple[tuple[type[Exception], Callable[[Any], Refused]], ...] = (
    (RequestValidationError, _invalid),
    (StoreUnavailable, lambda _: Refused(503, retry_after=2)),
    (LeaseLost, lambda _: Refused(503, "judged elsewhere by now; try again", retry_after=1)),
    (PolicyError, lambda e: Refused(422, _POLICY, code="policy", problems=e.problems)),
    (InputError, _unreadable),
    (StoreError, lambda _: Refused(422, "the store refuses it")),
    (JiyuError, lambda _: Refused(422, "this cannot be used")),
)
