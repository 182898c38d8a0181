"""Who asks: a key in the ``Authorization`` header, and nowhere else.

Keys never stand in a query: those end up in the logs of whatever lies between.  The comparison of
a key with what is stored is the store's, in constant time.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import msgspec
from starlette.requests import HTTPConnection

from jiyu.errors import StoreError
from jiyu.gateway.problems import Refused
from jiyu.store import keys
from jiyu.store.keys import Key, Role
from jiyu.store.scope import EVERYTHING, Scope

if TYPE_CHECKING:
    from jiyu.gateway.services import Services
    from jiyu.gateway.state import State

#: Seconds for which a key is taken as it was; a revoked one ends this late at most.
FRESH = 3.0
_REMEMBERED = 4096
_TOUCH = 60.0
_CALLER = "jiyu.caller"
_NONE = ("", "", "")
_LOCAL = ("127.0.0.1", "::1", "localhost")


class Caller(msgspec.Struct, frozen=True):
    """Who asks, what for, and whose data is theirs.

    Attributes:
        key_id: The part of the key that is no secret.
    """

    key_id: str
    role: Role
    scope: Scope


#: Whoever sits at this machine, with ``--insecure-local``.
LOCAL = Caller("insecure-local", "admin", EVERYTHING)


class Keys:
    """Keys that were asked for lately, known by a hash and not by themselves.

    Many requests of one key ask the store once in ``FRESH`` seconds.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._known: OrderedDict[bytes, tuple[float, Caller | None]] = OrderedDict()
        self._asking: dict[bytes, asyncio.Future[Caller | None]] = {}
        self._touched: dict[str, float] = {}

    async def caller(self, key: str) -> Caller | None:
        """Return who a key belongs to; ``None`` if it is wrong or revoked.

        Raises:
            StoreUnavailable: The store cannot be asked.
        """
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
        known = self._known.get(digest)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        asking = self._asking.get(digest)
        if asking is None:
            asking = asyncio.ensure_future(asyncio.to_thread(self._verify, key))
            self._asking[digest] = asking
            asking.add_done_callback(lambda _: self._asking.pop(digest, None))
        # A caller who leaves must not take the answer from the others.
        found = await asyncio.shield(asking)
        self._remember(digest, found)
        return found

    def forget(self, key_id: str) -> None:
        """Ask the store about a key anew, as it was revoked here."""
        for digest, (_, caller) in list(self._known.items()):
            if caller is not None and caller.key_id == key_id:
                del self._known[digest]

    def _verify(self, key: str) -> Caller | None:
        with self._state.database.read() as connection:
            found = keys.verify(connection, key)
        return None if found is None else _caller(found)

    def _remember(self, digest: bytes, caller: Caller | None) -> None:
        self._known[digest] = (time.monotonic() + FRESH, caller)
        self._known.move_to_end(digest)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        now = time.monotonic()
        if caller is not None and now - self._touched.get(caller.key_id, -_TOUCH) >= _TOUCH:
            self._touched[caller.key_id] = now
            # Whether it succeeds is of no account.
            with contextlib.suppress(StoreError):
                self._state.writer.call(keys.touch, caller.key_id)


def state_of(connection: HTTPConnection) -> State:
    """Return the state of the application that a request came to."""
    return cast("State", connection.app.state.jiyu)


def services_of(connection: HTTPConnection) -> Services:
    """Return the background services of the application that a request came to."""
    return cast("Services", connection.app.state.services)


async def caller(connection: HTTPConnection | dict[str, Any], state: State) -> Caller:
    """Return who asks; found once a request.

    Args:
        connection: A request or WebSocket, or its ASGI scope.
        state: Of the application.

    Raises:
        Refused: No key, a wrong or a revoked one.
        StoreUnavailable: The store cannot be asked.
    """
    asked = connection if isinstance(connection, HTTPConnection) else HTTPConnection(connection)
    known = asked.scope.get(_CALLER)
    if isinstance(known, Caller):
        return known
    found = await renewed(asked, state)
    asked.scope[_CALLER] = found
    return found


async def renewed(connection: HTTPConnection, state: State) -> Caller:
    """Return who asks as the store knows it now: long streams end with their key.

    Raises:
        Refused: As ``caller``.
        StoreUnavailable: The store cannot be asked.
    """
    # On every message, hence without the convenience of ``connection.headers``.
    given = [value for name, value in connection.scope["headers"] if name == b"authorization"]
    if not given and state.settings.insecure_local:
        _require_local(connection)
        return LOCAL
    scheme, _, key = given[0].decode("latin-1").partition(" ") if len(given) == 1 else _NONE
    # Nothing that could not be a key bothers the store.
    if scheme.lower() != "bearer" or not key.startswith("jiyu_") or len(key) > 200:
        raise Refused(401)
    found = await services_of(connection).keys.caller(key.strip())
    if found is None:
        raise Refused(401)
    return found


def require(caller: Caller, *roles: Role) -> None:
    """Refuse who has none of some roles.

    Raises:
        Refused: So it is.
    """
    if caller.role not in roles:
        raise Refused(403)


def within(scope: Scope, *, team: str | None, agent_id: str | None) -> bool:
    """Say whether data of a team and an agent lies within a scope."""
    return (scope.team is None or scope.team == team) and (
        scope.agent_id is None or scope.agent_id == agent_id
    )


def _caller(key: Key) -> Caller:
    return Caller(key.key_id, key.role, key.scope)


def _require_local(connection: HTTPConnection) -> None:
    """Refuse what a page of some web site could send through a browser of this machine.

    Raises:
        Refused: The address, the host or the origin is another's.
    """
    client = connection.client
    host = _name(f"//{connection.headers.get('host', '')}")
    origin = connection.headers.get("origin")
    foreign = origin is not None and _name(origin) not in _LOCAL
    if client is None or client.host not in _LOCAL or host not in _LOCAL or foreign:
        raise Refused(401)


def _name(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None
