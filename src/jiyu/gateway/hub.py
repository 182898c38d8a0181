"""The conversations that are open in this process, and how their lines become durable.

A line is judged as soon as it comes and handed to the writer together with the alerts that it led
to, so that both are stored or neither is; only after the commit is anything told to anybody.  Lines
of one conversation are judged in the order in which they come, without waiting for each other's
commit.  If a write fails, the session is forgotten, the conversation is acquired anew from the
store, and what was not committed is judged once more; until the store is back, lines wait and their
senders are held up by that, but nothing is lost.

**Several processes.**  A line is judged where it arrives.  If another process holds the
conversation, this one seizes it: the epoch of its lease rises, so that whatever the other has under
way is refused by the store, and the other comes to know with its next write.  That is sound however
lines are spread, and costs a hand-over (a read of snapshot and journal) whenever they change
process; so a load balancer should send the lines of a conversation to one process, e.g. by a hash
of its id, or keep all of them on one socket.
"""

from __future__ import annotations

import asyncio
import random
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

from jiyu.errors import JiyuError, StoreUnavailable
from jiyu.gateway.logs import failed
from jiyu.gateway.opened import Held, Job, Opened
from jiyu.gateway.pipeline import CLOSED, FOREIGN, Pipeline, strays
from jiyu.gateway.state import Current
from jiyu.gateway.taking import Loaded, load, may_write, opening_of, rebuilt
from jiyu.store import leases
from jiyu.store.database import Database
from jiyu.store.scope import EVERYTHING
from jiyu.store.writer import Writer
from jiyu.store.writes import Write, Written

T = TypeVar("T")


class Hub:
    """All conversations that this process judges.

    Attributes:
        owner: This process's name in leases.
        opened: By id, those in memory.
        dormant: Those that are this process's though nobody has sent anything since it took them
            over from one that died; and since when.
        pipeline: The way of their lines.
    """

    def __init__(
        self,
        database: Database,
        writer: Writer,
        current: Current,
        *,
        idle: float = 1800.0,
        lease: float = 5.0,
    ) -> None:
        """Prepare.

        Args:
            database: The store.
            writer: The only one of this process.
            current: The policy for what begins.
            idle: Seconds without a line after which a conversation is closed.
            lease: Seconds after which this process counts as dead if it says nothing.
        """
        self.owner = leases.new_owner()
        self.opened: dict[str, Opened] = {}
        self.dormant: dict[str, float] = {}
        self.pipeline = Pipeline(database, writer, self._lose, self._forget)
        self._database = database
        self._writer = writer
        self._current = current
        self._idle = idle
        self._lease = lease

    async def start(self) -> None:
        """Announce this process and begin to look after what nobody judges.

        Raises:
            StoreUnavailable: The store cannot be reached.
        """
        await self._renew()
        self.pipeline.spawn(self._look_after())

    def feed(self, job: Job) -> None:
        """Take in a line; ``job`` is finished after its commit, or refused."""
        name = job.said.conversation_id
        opened = self.opened.get(name)
        if opened is None:
            opened = self.opened[name] = Opened(name, self._now())
        opened.touched = self._now()
        opened.senders.add(job.sender)
        if opened.held is not None and not opened.pending:
            self.pipeline.take(opened, opened.held, job)
        else:
            opened.pending.append(job)
            self._acquire_soon(opened)

    def erased(self, name: str) -> None:
        """Forget a conversation that was erased; what still comes of it is refused."""
        opened = self.opened.get(name)
        if opened is not None:
            self._lose(opened)
        self.dormant.pop(name, None)

    async def drain(self, patience: float = 10.0) -> None:
        """Wait for what is under way, save all sessions and give all conversations back."""
        end = self._now() + patience
        while any(not o.quiet for o in self.opened.values()) and self._now() < end:
            await asyncio.sleep(0.01)
        self.pipeline.cancel()
        saving = [self._save(o.held) for o in self.opened.values() if o.held is not None]
        await asyncio.gather(*(s for s in saving if s is not None), return_exceptions=True)
        try:
            await self._ask(self._writer.call(leases.release_all, self.owner))
        except StoreUnavailable as error:
            # Another process takes over when the heartbeat has run out.
            failed("leases.left", error)

    def _save(self, held: Held) -> asyncio.Future[Written] | None:
        snapshot = held.snapshot(after=1)
        if snapshot is None:
            return None
        try:
            return self._writer.submit_soon(Write(held.lease, snapshot=snapshot))
        except StoreUnavailable:
            return None

    async def _renew(self) -> None:
        await self._ask(self._writer.call(leases.renew, self.owner, self._lease))

    @staticmethod
    async def _ask(future: Future[T]) -> T:
        return await asyncio.wrap_future(future)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    def _lose(self, opened: Opened) -> None:
        """Start afresh from the store, with what waits; forget it if nothing does."""
        opened.lost()
        if opened.pending:
            self._acquire_soon(opened)
        elif not opened.acquiring:
            self._forget(opened)
            # It may still be ours in the store; if so it is closed in time.
            self.dormant[opened.name] = self._now()

    def _forget(self, opened: Opened) -> None:
        if opened.pending:
            opened.lost()
            self._acquire_soon(opened)
        elif self.opened.get(opened.name) is opened:
            del self.opened[opened.name]

    def _acquire_soon(self, opened: Opened) -> None:
        if not opened.acquiring:
            opened.acquiring = True
            self.pipeline.spawn(self._acquire(opened))

    async def _acquire(self, opened: Opened) -> None:
        """Ask for a conversation until all that waits for it is answered or under way."""
        wait = 0.01
        try:
            while opened.pending and not await self._try(opened):
                # At random: two processes that seize from each other must not keep in step.
                await asyncio.sleep(wait * (0.5 + random.random()))  # noqa: S311 - no secret
                wait = min(1.0, wait * 2)
        finally:
            opened.acquiring = False
        if opened.held is None:
            self._forget(opened)

    async def _try(self, opened: Opened) -> bool:
        """Ask the store for a conversation once, for the first line that waits.

        Returns:
            Whether there was an answer; if not, it should be asked again later.
        """
        first = opened.pending[0]
        reason = strays(first)
        try:
            loaded = Loaded() if reason else await self._load(opened, first)
        except StoreUnavailable:
            return False
        except Exception as error:
            failed("conversation.not_opened", error)
            reason, loaded = "the conversation cannot be opened", Loaded()
        if reason or loaded.foreign:
            opened.pending.popleft().refuse(reason or FOREIGN)
            return not opened.pending
        if loaded.closed:
            self._answer_closed(opened, loaded)
        return loaded.closed or loaded.found is not None

    async def _load(self, opened: Opened, first: Job) -> Loaded:
        """Take a conversation from the store, and whatever process has it, and go on with it.

        Raises:
            JiyuError: It cannot be read, or not now.
        """
        opening = opening_of(first.said, first.scope, self._current.checker)
        asked = partial(load, seize=True)
        loaded = await self._ask(
            self._writer.call(asked, opened.name, self.owner, opening, first.scope)
        )
        if loaded.found is not None:
            await self._go_on(opened, loaded)
        elif not loaded.closed and not loaded.foreign:
            # Its own heartbeat has run out.
            await self._renew()
        return loaded

    async def _go_on(self, opened: Opened, loaded: Loaded) -> None:
        """Rebuild the session and take what waits."""
        found = loaded.found
        if found is None:
            return
        digest = found.policy_digest or self._current.checker.policy.digest
        checker = self._current.known(digest)
        if checker is None:
            checker = await asyncio.to_thread(self._current.by_digest, digest)
        build = partial(rebuilt, checker, self._database, found)
        session = build() if found.lease.epoch == 1 else await asyncio.to_thread(build)
        opened.owned = loaded.owned
        opened.held = Held(found.lease, checker, session, loaded.keys, loaded.seq)
        self.dormant.pop(opened.name, None)
        while opened.pending and opened.held is not None:
            self.pipeline.take(opened, opened.held, opened.pending.popleft())

    def _answer_closed(self, opened: Opened, loaded: Loaded) -> None:
        while opened.pending:
            job = opened.pending.popleft()
            line = job.said.line
            seq = loaded.keys.get(line.key or "")
            if not may_write(job.scope, loaded.owned):
                job.refuse(FOREIGN)
            elif seq is None:
                job.refuse(CLOSED)
            else:
                self.pipeline.tell_again(job, seq, closing=line.kind == "close")

    async def _look_after(self) -> None:
        """Prove that this process lives, take over from the dead, and close what is idle."""
        while True:
            await asyncio.sleep(min(self._lease / 4, self._idle / 2))
            try:
                await self._renew()
                for one in await self._ask(self._writer.call(leases.recover, self.owner, 50)):
                    self.dormant.setdefault(one.lease.conversation_id, self._now())
                await self._close_idle()
            except StoreUnavailable:
                continue
            except JiyuError as error:
                failed("look_after.failed", error)

    async def _close_idle(self) -> None:
        late = self._now() - self._idle
        for opened in list(self.opened.values()):
            if opened.touched < late and opened.quiet:
                self._close(opened)
                await asyncio.sleep(0)
        for name in [name for name, since in self.dormant.items() if since < late]:
            del self.dormant[name]
            if name not in self.opened:
                await self._close_dormant(name)

    def _close(self, opened: Opened) -> None:
        held = opened.held
        if held is not None and opened.quiet and not held.closing:
            self.pipeline.write(opened, held, held.close(), None)

    async def _close_dormant(self, name: str) -> None:
        """Close a conversation that a dead process has left, unless another holds it now."""
        opened = self.opened[name] = Opened(name, self._now())
        opened.acquiring = True
        try:
            asked = partial(load, seize=False)
            loaded = await self._ask(self._writer.call(asked, name, self.owner, None, EVERYTHING))
            await self._go_on(opened, loaded)
            self._close(opened)
        except StoreUnavailable:
            self.dormant[name] = self._now() - self._idle
        finally:
            opened.acquiring = False
            if opened.held is None:
                self._forget(opened)
