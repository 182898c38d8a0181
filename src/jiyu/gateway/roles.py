"""Who may do what: one table, and what does not stand in it cannot be reached."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from starlette.routing import compile_path

from jiyu.store.keys import Role

Roles = frozenset[Role]

_WRITE: Roles = frozenset({"ingest", "admin"})
_READ: Roles = frozenset({"agent", "reviewer", "supervisor", "admin"})
_OVERSEE: Roles = frozenset({"reviewer", "supervisor", "admin"})
#: Who only reads.
READERS: Roles = frozenset({"agent", "reviewer", "supervisor"})
_ADMIN: Roles = frozenset({"admin"})
#: Needs no key.
_ANYBODY: Roles | None = None


class Permit(NamedTuple):
    """One line of the table.

    Attributes:
        method: Of HTTP, or ``WS``.
        path: The template of the route.
        roles: Who may; ``None`` is everybody, without a key too.
        whole: Whether a key that is limited to a team is refused, as what it manages is not.
    """

    method: str
    path: str
    roles: Roles | None
    whole: bool = False


ROUTES = (
    Permit("POST", "/v1/messages", _WRITE),
    Permit("POST", "/v1/conversations", _WRITE),
    Permit("GET", "/v1/conversations", _READ),
    Permit("GET", "/v1/conversations/{conversation_id}", _READ),
    Permit("DELETE", "/v1/conversations/{conversation_id}", _ADMIN),
    Permit("WS", "/v1/live", _WRITE),
    Permit("GET", "/v1/live/schema.json", _ANYBODY),
    Permit("GET", "/v1/alerts", _READ),
    Permit("GET", "/v1/policies", _OVERSEE),
    Permit("POST", "/v1/policies", _ADMIN, whole=True),
    Permit("POST", "/v1/policies/{digest}/activate", _ADMIN, whole=True),
    Permit("GET", "/v1/webhooks", _ADMIN, whole=True),
    Permit("POST", "/v1/webhooks", _ADMIN, whole=True),
    Permit("DELETE", "/v1/webhooks/{webhook_id}", _ADMIN, whole=True),
    Permit("GET", "/v1/webhooks/dead", _ADMIN, whole=True),
    Permit("POST", "/v1/webhooks/deliveries/{delivery_id}/redeliver", _ADMIN, whole=True),
    Permit("GET", "/v1/keys", _ADMIN, whole=True),
    Permit("POST", "/v1/keys", _ADMIN, whole=True),
    Permit("DELETE", "/v1/keys/{key_id}", _ADMIN, whole=True),
    Permit("GET", "/v1/audit", _ADMIN, whole=True),
    Permit("GET", "/metrics", _ADMIN, whole=True),
    Permit("GET", "/healthz", _ANYBODY),
    Permit("GET", "/readyz", _ANYBODY),
    Permit("GET", "/openapi.json", _ANYBODY),
)

_PLAIN = {(p.method, p.path): p for p in ROUTES if "{" not in p.path}
_PATTERNS = [(p.method, compile_path(p.path)[0], p) for p in ROUTES if "{" in p.path]
_PATHS = [(compile_path(p.path)[0], p) for p in ROUTES]


def permit_of(method: str, path: str) -> Permit | None:
    """Return the line that a request falls under; ``HEAD`` is read as ``GET``."""
    method = "GET" if method == "HEAD" else method
    plain = _PLAIN.get((method, path))
    if plain is not None:
        return plain
    return next((p for m, regex, p in _PATTERNS if m == method and regex.match(path)), None)


@lru_cache(maxsize=1)
def templates() -> tuple[str, ...]:
    """Return every path that is known, once."""
    return tuple(dict.fromkeys(p.path for p in ROUTES))


def methods_of(path: str) -> list[str]:
    """Return the methods that a path has, to answer 405."""
    return sorted({p.method for regex, p in _PATHS if regex.match(path)} - {"WS"})
