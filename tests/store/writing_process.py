"""A process that writes until it is stopped or killed, and notes what was acknowledged.

Run by ``test_processes``: ``python writing_process.py URL NUMBER FILE LINES``.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import Future

from jiyu.store import leases
from jiyu.store.alerts import Alert
from jiyu.store.database import Database
from jiyu.store.journal import Line
from jiyu.store.leases import Opening
from jiyu.store.writer import Writer
from jiyu.store.writes import Write, Written

CONVERSATIONS = 8


def main() -> None:
    """Write to some conversations in turns, many lines under way at a time."""
    url, number, file, lines = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    writer = Writer(Database(url))
    owner = leases.new_owner()
    writer.call(leases.renew, owner, 1.0).result()
    log = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    held = []
    for i in range(CONVERSATIONS):
        taken = writer.call(leases.acquire, f"c-{number}-{i}", owner, Opening("d")).result()
        assert taken is not None
        held.append(taken.lease)
    waiting: list[Future[Written]] = []
    for i in range(lines):
        lease = held[i % CONVERSATIONS]
        segment, alert = f"s{i}", Alert("raised", f"f{i}", "T-01", "major", b"{}")
        write = Write(lease, (Line("segment", b"{}", segment_id=segment, revision=0),), (alert,))
        future = writer.submit(write, wait=30.0)

        def acknowledge(done: Future[Written], name: str = f"{lease.conversation_id} {i}") -> None:
            alert_id = done.result().alert_ids[0]
            os.write(log, f"{name} {done.result().seq} {alert_id}\n".encode())

        future.add_done_callback(acknowledge)
        waiting.append(future)
    for future in waiting:
        future.result()
    writer.close()


if __name__ == "__main__":
    main()
