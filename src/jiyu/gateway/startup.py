"""What must be true before anything is served."""

from __future__ import annotations

from jiyu.errors import InputError, Problem, StoreError
from jiyu.gateway.settings import Settings
from jiyu.store import keys
from jiyu.store.database import Database


def check_startup(settings: Settings, database: Database) -> None:
    """Refuse to start a server that anybody could use, or nobody.

    Raises:
        InputError: ``--insecure-local`` with an address that others can reach.
        StoreError: No key is in the store.
    """
    if settings.insecure_local:
        if not settings.loopback:
            raise InputError(Problem("--insecure-local", None, "only with a loopback --host"))
        return
    with database.read() as connection:
        if any(key.revoked_at is None for key in keys.listing(connection)):
            return
    say = "no key yet: jiyu keys create --role admin --label … --db …, or --insecure-local"
    raise StoreError(Problem(database.place, None, say))
