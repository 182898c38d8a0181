"""Several processes write one store; one of them is killed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from sqlalchemy import select

from jiyu.store import leases
from jiyu.store.database import Database
from jiyu.store.tables import alerts, journal
from jiyu.store.writes import Write, Written, store
from storing import alert, line, owner

PROGRAM = Path(__file__).parent / "writing_process.py"
PROCESSES, LINES = 4, 1500


def start(url: str, number: int, folder: Path) -> subprocess.Popen[bytes]:
    """Start a process that writes and notes what was acknowledged."""
    log = folder / f"acknowledged-{number}"
    command = [sys.executable, str(PROGRAM), url, str(number), str(log), str(LINES)]
    return subprocess.Popen(command)


def acknowledged(folder: Path, number: int) -> list[tuple[str, int, int, int]]:
    """Read what a process noted: conversation, line, sequence number, alert."""
    log = folder / f"acknowledged-{number}"
    text = log.read_text(encoding="utf-8") if log.exists() else ""
    # A process that was killed may have been cut off in the middle of a note.
    noted = [one.split() for one in text.split("\n")[:-1]]
    return [(name, int(i), int(seq), int(alert_id)) for name, i, seq, alert_id in noted]


def test_a_killed_process_loses_nothing_that_it_acknowledged(
    url: str, database: Database, tmp_path: Path
) -> None:
    """Nothing is lost, nothing is there twice, and another takes over where it stopped."""
    running = [start(url, number, tmp_path) for number in range(PROCESSES)]
    killed = running[0]
    while len(acknowledged(tmp_path, 0)) < LINES // 4:
        assert killed.poll() is None, "it should have been killed before its end"
        time.sleep(0.005)
    killed.kill()
    assert [process.wait(60) for process in running[1:]] == [0] * (PROCESSES - 1)
    killed.wait(10)

    with database.read() as connection:
        lines = connection.execute(select(journal.c.conversation_id, journal.c.key, journal.c.seq))
        stored = {(row[0], row[1]): row[2] for row in lines}
        columns = (alerts.c.conversation_id, alerts.c.finding_id, alerts.c.alert_id)
        raised = {(row[0], row[1]): row[2] for row in connection.execute(select(*columns))}
    for number in range(PROCESSES):
        for name, i, seq, alert_id in acknowledged(tmp_path, number):
            assert stored[name, f"s0:s{i}"] == seq
            assert raised[name, f"f{i}"] == alert_id
    assert all(len(acknowledged(tmp_path, number)) == LINES for number in range(1, PROCESSES))
    # An alert is there exactly if its line is.
    assert {(name, key.removeprefix("s0:s")) for name, key in stored} == {
        (name, finding.removeprefix("f")) for name, finding in raised
    }
    # No number twice, and no gap.
    last = Counter(name for name, _ in stored)
    for name, total in last.items():
        assert sorted(seq for (one, _), seq in stored.items() if one == name) == list(
            range(1, total + 1)
        )
    take_over(database, stored)


def take_over(database: Database, stored: dict[tuple[str, str], int]) -> None:
    """Go on with what the killed process has left."""
    time.sleep(1.0)  # Its heartbeat was for a second.
    who = owner(database)
    with database.begin() as connection:
        found = leases.recover(connection, who, 1000)
    left = {one.lease.conversation_id: one for one in found}
    assert {name for name, _ in stored if name.startswith("c-0-")} <= set(left)
    for name, one in left.items():
        assert len(one.lines) == sum(1 for other, _ in stored if other == name)
    mine = next(one for name, one in left.items() if name.startswith("c-0-"))
    repeated = Write(mine.lease, (line("s0"), line("new")), (alert("f0"), alert("new")))
    with database.begin() as connection:
        result = store(connection, [repeated])[0]
    assert isinstance(result, Written)
    if mine.lease.conversation_id == "c-0-0":
        assert [place.new for place in result.places] == [False, True]
        assert result.alert_ids[0] is None
