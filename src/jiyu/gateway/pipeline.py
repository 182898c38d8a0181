"""The way of a line: judged, written with what it led to, and told once it is committed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

from jiyu.errors import LeaseLost, StoreError, StoreUnavailable
from jiyu.formats.live import Closing
from jiyu.gateway.logs import failed
from jiyu.gateway.opened import Flight, Heard, Held, Job, Opened, frames_of
from jiyu.gateway.taking import may_write, told_before
from jiyu.model import Alert, Facts
from jiyu.store import leases
from jiyu.store.database import Database
from jiyu.store.scope import Scope
from jiyu.store.writer import Writer
from jiyu.store.writes import Write, Written

if TYPE_CHECKING:
    from jiyu.gateway.metrics import Metrics

CLOSED = "the conversation is closed"
FOREIGN = "there is no such conversation, or it is not yours"
STRAYS = "agent_id or team is not this key's"


class Pipeline:
    """Takes lines of conversations that are held.

    Attributes:
        on_alerts: Told of every alert that is committed.
        metrics: Where lines and times are counted.
    """

    def __init__(
        self,
        database: Database,
        writer: Writer,
        lose: Callable[[Opened], None],
        forget: Callable[[Opened], None],
    ) -> None:
        """Prepare.

        Args:
            database: To look up what a repeated line led to.
            writer: The only one of this process.
            lose: Called when a conversation must be acquired anew.
            forget: Called when one has ended.
        """
        self.on_alerts: Callable[[list[Alert]], None] = lambda _: None
        self.metrics: Metrics | None = None
        self._database = database
        self._writer = writer
        self._lose = lose
        self._forget = forget
        self._tasks: set[asyncio.Task[Any]] = set()

    def take(self, opened: Opened, held: Held, job: Job) -> None:
        """Judge a line and hand it to the writer."""
        said = job.said
        if (reason := trespass(opened, job)) is not None:
            job.refuse(reason)
        elif (known := held.keys.get(said.line.key or "")) is not None:
            self._repeated(opened, job, known)
        elif held.closing:
            job.refuse(CLOSED)
        else:
            begun = perf_counter()
            try:
                heard = held.hear(said.items)
            except Exception as error:
                failed("line.failed", error)
                job.refuse("the line could not be judged")
                self._lose(opened)
                return
            if self.metrics is not None:
                self.metrics.count("segments")
                self.metrics.observe("judge_seconds", perf_counter() - begun, "segment")
            if self._described(opened, held, said.facts):
                self.write(opened, held, heard, job)
            else:
                opened.pending.appendleft(job)
                self._lose(opened)

    def write(self, opened: Opened, held: Held, heard: Heard, job: Job | None) -> None:
        """Store a line with what it led to; without a job, the end of an idle conversation."""
        opened.flying.append(Flight(held.seq + 1, [] if job is None else [job], heard))
        if job is not None:
            held.stood(job.said.line)
        lines = () if job is None else (job.said.line,)
        write = Write(held.lease, lines, heard.alerts, held.snapshot(), heard.record)
        try:
            future = self._writer.submit_soon(write)
        except StoreUnavailable:
            self._lose(opened)
            return
        future.add_done_callback(partial(self._landed, opened, held))

    def tell_again(self, job: Job, seq: int, *, closing: bool) -> None:
        """Answer a line that was committed before as it was answered then."""
        self.spawn(self._tell_again(job, seq, closing=closing))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin something that nobody waits for."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cancel(self) -> None:
        """End whatever nobody waits for."""
        for task in list(self._tasks):
            task.cancel()

    def _described(self, opened: Opened, held: Held, facts: Facts) -> bool:
        """Let the store know whose it is, so that the alerts from here on reach the right people.

        Returns:
            Whether the store takes anything at all.
        """
        owned = opened.owned
        agent_id, team = owned.agent_id or facts.agent_id, owned.team or facts.team
        if (team, agent_id) == (owned.team, owned.agent_id):
            return True
        try:
            self._writer.call(leases.describe, held.lease, agent_id=agent_id, team=team)
        except StoreUnavailable:
            return False
        opened.owned = Scope(team, agent_id)
        return True

    def _landed(self, opened: Opened, held: Held, future: asyncio.Future[Written]) -> None:
        """Take note that the oldest write of a conversation is committed, or was refused."""
        error = None if future.cancelled() else future.exception()
        if held is not opened.held:
            return  # What it carried waits to be judged anew already.
        if future.cancelled() or isinstance(error, (StoreUnavailable, LeaseLost)):
            self._lose(opened)
            return
        flight = opened.flying.popleft()
        if error is not None:
            for job in flight.jobs:
                job.refuse("the line cannot be stored")
            self._lose(opened)
            return
        self._committed(opened, flight, future.result())

    def _committed(self, opened: Opened, flight: Flight, written: Written) -> None:
        frames = frames_of(flight.heard, written.alert_ids)
        if flight.heard.found:
            self.on_alerts(list(flight.heard.found))
        if flight.heard.record is not None:
            if self.metrics is not None:
                self.metrics.count("conversations", "live")
            self._forget(opened)
        if not flight.jobs:
            for sender in list(opened.senders):
                if (push := getattr(sender, "push", None)) is not None:
                    push(frames)
        for job in flight.jobs:
            job.finish(frames)

    def _repeated(self, opened: Opened, job: Job, seq: int) -> None:
        """Answer a line that came before: once its first coming is durable, as it was then."""
        for flight in opened.flying:
            if flight.seq == seq:
                flight.jobs.append(job)
                return
        self.tell_again(job, seq, closing=False)

    async def _tell_again(self, job: Job, seq: int, *, closing: bool) -> None:
        ask = partial(told_before, self._database, job.said.conversation_id, seq, closing=closing)
        while True:
            try:
                job.finish(await asyncio.to_thread(ask))
            except StoreUnavailable:
                await asyncio.sleep(0.2)
            except StoreError:
                job.refuse("the store refuses it")
                return
            else:
                return


def trespass(opened: Opened, job: Job) -> str | None:
    """Say why a line may not be written by whoever sent it; ``None`` if it may."""
    return (None if may_write(job.scope, opened.owned) else FOREIGN) or strays(job)


def strays(job: Job) -> str | None:
    """Say so if a line claims a conversation for somebody else than its sender's key may."""
    scope = job.scope
    for item in job.said.items:
        facts = item.facts if isinstance(item, Closing) else item
        if isinstance(facts, Facts):
            team = facts.team is None or scope.team in (None, facts.team)
            agent = facts.agent_id is None or scope.agent_id in (None, facts.agent_id)
            if not (team and agent):
                return STRAYS
    return None
