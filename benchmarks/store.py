"""Measure how many journal lines a second the writer makes durable.

Each submitter has a conversation and waits for the commit of its line before it sends the next, as
a gateway does that acknowledges; the count of rows must come out.

    python benchmarks/store.py sqlite:////tmp/bench.db postgresql://user@host/db --seconds 3
"""

from __future__ import annotations

import argparse
import asyncio
import threading
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import closing

from sqlalchemy import func, select

from jiyu.store import leases
from jiyu.store.database import Database
from jiyu.store.journal import Line
from jiyu.store.leases import Lease, Opening
from jiyu.store.tables import journal
from jiyu.store.writer import Writer
from jiyu.store.writes import Write, Written

PAYLOAD = (
    '{"conversation_id":"c-1","segment_id":"s9","speaker":"agent","revision":3,'
    '"text":"您好,物流部,请问您的运单号是多少","start":34.0,"end":35.0,"final":false}'
).encode()


class Load:
    """Submitters that each keep one write under way."""

    def __init__(self, writer: Writer, held: Sequence[Lease], seconds: float) -> None:
        self.writer = writer
        self.end = time.perf_counter() + seconds
        self.latencies: list[float] = []
        self._left = len(held)
        self._done = threading.Event()
        for lease in held:
            self._send(lease, 0)

    def wait(self) -> None:
        """Wait until all submitters have stopped."""
        self._done.wait()

    def _send(self, lease: Lease, number: int) -> None:
        sent = time.perf_counter()
        line = Line("segment", PAYLOAD, segment_id=f"s{number // 4}", revision=number % 4)

        def acknowledged(future: Future[Written]) -> None:
            assert future.result().places[0].new
            self.latencies.append(time.perf_counter() - sent)
            if time.perf_counter() < self.end:
                self._send(lease, number + 1)
            else:
                self._left -= 1
                if self._left == 0:
                    self._done.set()

        self.writer.submit(Write(lease, (line,))).add_done_callback(acknowledged)


async def pipelined(writer: Writer, held: Sequence[Lease], seconds: float) -> list[float]:
    """The same load from an event loop, as the gateway will make it."""
    latencies = []
    end = time.perf_counter() + seconds

    async def one(lease: Lease) -> None:
        number = 0
        while time.perf_counter() < end:
            sent = time.perf_counter()
            line = Line("segment", PAYLOAD, segment_id=f"s{number // 4}", revision=number % 4)
            await writer.submit_soon(Write(lease, (line,)))
            latencies.append(time.perf_counter() - sent)
            number += 1

    await asyncio.gather(*map(one, held))
    return latencies


def acquired(writer: Writer, count: int) -> list[Lease]:
    """Open new conversations."""
    owner = leases.new_owner()
    writer.call(leases.renew, owner, 600.0).result()
    run = uuid.uuid4().hex[:8]
    opening = Opening(policy_digest="d", agent_id="A017", team="物流一组")
    futures = [writer.call(leases.acquire, f"{run}-{i}", owner, opening) for i in range(count)]
    taken = [future.result() for future in futures]
    return [one.lease for one in taken if one is not None]


def measure(database: Database, submitters: int, seconds: float, loop: bool) -> str:
    """Run one load and say what it came to."""
    writer = Writer(database)
    begun = time.perf_counter()
    held = acquired(writer, submitters)
    opening = time.perf_counter() - begun
    assert len(held) == submitters
    begun, busy = time.perf_counter(), time.process_time()
    if loop:
        latencies = asyncio.run(pipelined(writer, held, seconds))
    else:
        load = Load(writer, held, seconds)
        load.wait()
        latencies = load.latencies
    took, busy = time.perf_counter() - begun, time.process_time() - busy
    writer.close()
    prefix = held[0].conversation_id.split("-")[0]
    with database.read() as connection:
        where = journal.c.conversation_id.like(f"{prefix}-%")
        stored = connection.scalar(select(func.count()).select_from(journal).where(where))
    assert stored == len(latencies), (stored, len(latencies))
    latencies.sort()
    p50, p99 = (latencies[int(len(latencies) * q)] * 1000 for q in (0.5, 0.99))
    return (
        f"{submitters:5} submitters  {len(latencies) / took:8,.0f} lines/s  p50 {p50:6.2f} ms  "
        f"p99 {p99:6.2f} ms  {busy / stored * 1e6:4.0f} µs CPU a line  {stored:7} rows  "
        f"opened {submitters / opening:6,.0f}/s"
    )


def bare(database: Database, size: int, seconds: float) -> str:
    """Insert the same rows with the driver alone, so many a transaction: the least it can cost."""
    run, seq = uuid.uuid4().hex[:8], 0
    mark = "?" if database.dialect == "sqlite" else "%s"
    statement = (
        "INSERT INTO journal (conversation_id, seq, kind, key, stored_at, payload) "  # noqa: S608
        f"VALUES ({', '.join([mark] * 6)})"
    )
    with closing(database.engine.raw_connection()) as raw, closing(raw.cursor()) as cursor:
        begun, busy = time.perf_counter(), time.process_time()
        while time.perf_counter() < begun + seconds:
            if database.dialect == "sqlite":
                cursor.execute("BEGIN IMMEDIATE")
            rows = [(run, seq + i, "segment", f"s{seq + i}", 0.0, PAYLOAD) for i in range(size)]
            cursor.executemany(statement, rows)
            raw.commit()
            seq += size
        took, busy = time.perf_counter() - begun, time.process_time() - busy
    with database.read() as connection:
        where = journal.c.conversation_id == run
        assert connection.scalar(select(func.count()).where(where)) == seq
    cost = busy / seq * 1e6
    return f"{size:5} bare driver {seq / took:8,.0f} lines/s  {cost:4.0f} µs CPU a line  {seq} rows"


def main() -> None:
    """Read the command line and measure each database."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("urls", nargs="+")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--synchronous", choices=["full", "normal"], default="full")
    parser.add_argument("--loop", action="store_true", help="submit from an event loop")
    options = parser.parse_args()
    for url in options.urls:
        database = Database(url, synchronous=options.synchronous)
        print(database.place, options.synchronous if database.dialect == "sqlite" else "")
        for submitters in (1, 64, 1024):
            print(bare(database, submitters, options.seconds))
            print(measure(database, submitters, options.seconds, options.loop))
        database.close()


if __name__ == "__main__":
    main()
