"""What one process of the gateway is made of, and which policy judges what begins now."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from jiyu.authoring.verified import require_examples
from jiyu.checker import Checker
from jiyu.errors import PolicyError, Problem
from jiyu.policy.load import DEFAULT_POLICY, load_policy, shipped_policies
from jiyu.store import policies
from jiyu.store.database import Database
from jiyu.store.writer import Writer

if TYPE_CHECKING:
    from jiyu.gateway.hub import Hub
    from jiyu.gateway.live import Socket
    from jiyu.gateway.metrics import Metrics
    from jiyu.gateway.settings import Settings


class Current:
    """The active policy, and those that running conversations began with.

    ``checker`` is replaced as a whole, so that whoever reads it sees the old one or the new one.
    """

    def __init__(self, database: Database, checker: Checker) -> None:
        self._database = database
        self._known = {checker.policy.digest: checker}
        self._loading = threading.Lock()
        self.checker = checker

    def activate(self, checker: Checker) -> None:
        """Let a policy judge what begins from now on; what runs keeps its own."""
        self._known[checker.policy.digest] = checker
        self.checker = checker

    def known(self, digest: str) -> Checker | None:
        """Return a policy if it is compiled already."""
        return self._known.get(digest)

    def by_digest(self, digest: str) -> Checker:
        """Return a policy, compiled from the store's files if need be; may take seconds.

        Raises:
            PolicyError: The store does not have it, or it can be used no more.
            StoreUnavailable: The store cannot be asked.
        """
        with self._loading:
            known = self._known.get(digest)
            if known is None:
                known = self._known[digest] = self._compiled(digest)
            return known

    def follow(self) -> bool:
        """Activate what another process has activated; may take seconds.

        Returns:
            Whether there was anything to do.

        Raises:
            PolicyError: It cannot be used here.
            StoreUnavailable: The store cannot be asked.
        """
        with self._database.read() as connection:
            active = policies.active(connection)
        if active is None or active.digest == self.checker.policy.digest:
            return False
        self.activate(self.by_digest(active.digest))
        return True

    def _compiled(self, digest: str) -> Checker:
        with self._database.read() as connection:
            files = policies.files(connection, digest)
        if not files:
            raise PolicyError(Problem(digest[:12], None, "the store has no policy of this digest"))
        with tempfile.TemporaryDirectory(prefix="jiyu-policy-") as folder:
            for name, content in files.items():
                file = Path(folder, name)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
            return Checker(load_policy(folder))


def files_of(folder: Path) -> dict[str, bytes]:
    """Return what a policy consists of, to be put into the store."""
    found = sorted(folder.rglob("*.yaml"))
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in found}


def loaded(folder: Path | None) -> tuple[Checker, dict[str, bytes]]:
    """Read a policy from disk and run its examples.

    Raises:
        PolicyError: Everything that is wrong with it.
    """
    where = shipped_policies() / DEFAULT_POLICY if folder is None else folder
    checker = Checker(load_policy(where))
    require_examples(checker)
    return checker, files_of(where)


def first_policy(database: Database, folder: Path | None) -> Current:
    """Settle what judges at the start.

    A folder that was asked for becomes the active policy.  Without one it is what was active
    last, and what comes with jiyu if there never was any.

    Raises:
        PolicyError: It cannot be used.
        StoreUnavailable: The store cannot be reached.
    """
    with database.read() as connection:
        active = policies.active(connection)
    if folder is None and active is not None:
        # A policy that jiyu ships need not be written out to be read again.
        current = Current(database, Checker())
        if current.checker.policy.digest != active.digest:
            current.activate(current.by_digest(active.digest))
        return current
    checker, files = loaded(folder)
    store_policy(database, checker, files, "start")
    return Current(database, checker)


def store_policy(database: Database, checker: Checker, files: dict[str, bytes], actor: str) -> None:
    """Put a policy into the store and activate it there, if it is not active already."""
    with database.begin() as connection:
        policies.add(connection, checker.policy.ref, files, actor)
        active = policies.active(connection)
        if active is None or active.digest != checker.policy.digest:
            policies.activate(connection, checker.policy.digest, actor)


@dataclass
class State:
    """Everything that the routes share.

    Attributes:
        writer: The only writer of this process.
        current: The active policy.
        hub: The conversations that are open here.
        metrics: What is counted.
        sockets: The clients that feed live conversations.
        draining: Nothing new is begun.
    """

    settings: Settings
    database: Database
    writer: Writer
    current: Current
    hub: Hub
    metrics: Metrics
    sockets: set[Socket] = field(default_factory=set)
    draining: bool = False

    async def reload(self) -> None:
        """Read the policy from disk anew and activate it.

        Raises:
            PolicyError: It cannot be used; the old one stays.
            StoreUnavailable: It cannot be stored; the old one stays.
        """
        checker, files = await asyncio.to_thread(loaded, self.settings.policy)
        await asyncio.to_thread(store_policy, self.database, checker, files, "reload")
        self.current.activate(checker)

    async def drain_sockets(self) -> None:
        """Acknowledge what has come over sockets, and hang up."""
        self.draining = True
        await asyncio.gather(*(socket.leave() for socket in list(self.sockets)))
