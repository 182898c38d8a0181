"""One process at a time judges a conversation, and a dead one is replaced."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from jiyu.errors import LeaseLost
from jiyu.store import leases
from jiyu.store.database import Database
from jiyu.store.leases import Lease, Recovered, new_owner
from jiyu.store.writes import Write, Written, store
from storing import acquired, line, opening, owner, record


def take(database: Database, who: str, name: str = "c-1") -> Recovered | None:
    with database.begin() as connection:
        return leases.acquire(connection, name, who)


def expire(database: Database, who: str) -> None:
    """Let a heartbeat run out without waiting for it."""
    with database.begin() as connection:
        leases.renew(connection, who, -1.0)


def put(database: Database, lease: Lease, *writes: Write) -> bool:
    with database.begin() as connection:
        results = store(connection, writes or [Write(lease, (line(),))])
    return all(isinstance(result, Written) for result in results)


def test_a_conversation_that_is_held_is_not_given_to_another(database: Database) -> None:
    """Only its owner may write it."""
    first, second = owner(database), owner(database)
    lease = acquired(database, first)
    assert lease == Lease("c-1", first, 1)
    assert take(database, second) is None
    assert put(database, lease)
    assert not put(database, Lease("c-1", second, 1))


def test_an_owner_without_a_heartbeat_gets_nothing(database: Database) -> None:
    """Whoever may be thought dead at once must not begin."""
    assert take(database, new_owner()) is None
    with database.begin() as connection:
        assert leases.acquire(connection, "c-1", new_owner(), opening()) is None


def test_an_unknown_conversation_is_not_opened_by_taking_over(database: Database) -> None:
    """Without an opening there is nothing to take."""
    assert take(database, owner(database), "nobody") is None


def test_a_heartbeat_runs_out_by_itself(database: Database) -> None:
    """After the time that it asked for, another process takes over."""
    first, second = owner(database, 0.3), owner(database)
    lease = acquired(database, first)
    assert take(database, second) is None
    time.sleep(0.35)
    taken = take(database, second)
    assert taken is not None
    assert taken.lease.epoch == 2
    assert not put(database, lease)


def test_a_process_that_was_thought_dead_cannot_write(database: Database) -> None:
    """Not even after it has renewed: the epoch has moved on."""
    first, second = owner(database), owner(database)
    lease = acquired(database, first)
    expire(database, first)
    taken = take(database, second)
    assert taken is not None
    owner_again = first
    with database.begin() as connection:
        leases.renew(connection, owner_again, 60.0)
    with database.begin() as connection:
        refused = store(connection, [Write(lease, (line("late"),))])
    assert isinstance(refused[0], LeaseLost)
    assert put(database, taken.lease)


def test_a_process_that_was_slow_goes_on_if_nobody_took_over(database: Database) -> None:
    """A heartbeat that came late does no harm."""
    first = owner(database)
    lease = acquired(database, first)
    expire(database, first)
    assert put(database, lease)


def test_taking_ones_own_ends_the_older_lease(database: Database) -> None:
    """A process that starts a conversation afresh is safe from its own late writes."""
    who = owner(database)
    lease = acquired(database, who)
    again = take(database, who)
    assert again is not None
    assert not put(database, lease)
    assert put(database, again.lease)


def test_given_back_means_free(database: Database) -> None:
    """A process that stops need not be waited for."""
    first, second = owner(database), owner(database)
    one, two = acquired(database, first, "c-1"), acquired(database, first, "c-2")
    with database.begin() as connection:
        leases.release(connection, one)
    assert take(database, second, "c-1") is not None
    assert take(database, second, "c-2") is None
    with database.begin() as connection:
        leases.release_all(connection, first)
    assert take(database, second, "c-2") is not None
    assert not put(database, two)


def test_a_closed_conversation_is_over(database: Database) -> None:
    """Nothing follows the end, within the same transaction or later."""
    who = owner(database)
    lease = acquired(database, who)
    closing = Write(lease, (line("s1"),), record=record())
    with database.begin() as connection:
        results = store(connection, [closing, closing, Write(lease, (line("s2"),))])
    assert [type(result) for result in results] == [Written, LeaseLost, LeaseLost]
    assert take(database, who) is None


def test_what_a_dead_process_left_is_taken_over(database: Database) -> None:
    """The next one gets the snapshot and the lines after it."""
    first, second = owner(database), owner(database)
    lease = acquired(database, first)
    kept = acquired(database, second, "c-2")
    put(database, lease, Write(lease, (line("s1"),), snapshot=b"state"))
    put(database, lease, Write(lease, (line("s2", text="不知道"),)))
    expire(database, first)
    with database.begin() as connection:
        found = leases.recover(connection, second)
    assert [one.lease for one in found] == [Lease("c-1", second, 2)]
    assert (found[0].snapshot, found[0].seq) == (b"state", 1)
    assert [(one.seq, one.payload.decode()) for one in found[0].lines] == [(2, "不知道")]
    assert found[0].policy_digest == "d1"
    assert put(database, kept)


def test_the_newest_snapshot_counts(database: Database) -> None:
    """A snapshot stands for the lines up to its own write, not the batch's."""
    who = owner(database)
    lease = acquired(database, who)
    writes = [
        Write(lease, (line("s1"),), snapshot=b"one"),
        Write(lease, (line("s2"),), snapshot=b"two"),
        Write(lease, (line("s3"),)),
    ]
    put(database, lease, *writes)
    again = take(database, who)
    assert again is not None
    assert (again.snapshot, again.seq, [one.seq for one in again.lines]) == (b"two", 2, [3])


def test_several_share_what_is_left(database: Database) -> None:
    """Who recovers takes a part, until nothing is left."""
    first, second, third = owner(database), owner(database), owner(database)
    for number in range(5):
        acquired(database, first, f"c-{number}")
    expire(database, first)
    names: list[str] = []
    for who in (second, third, second, third):
        with database.begin() as connection:
            names += [one.lease.conversation_id for one in leases.recover(connection, who, 2)]
    assert sorted(names) == [f"c-{number}" for number in range(5)]


@dataclass
class Held:
    """What the model knows of one conversation."""

    owner: str | None = None
    epoch: int = 0
    closed: bool = False
    given: list[Lease] = field(default_factory=list)


class Leasing(RuleBasedStateMachine):
    """Three processes and two conversations, with every lease that was ever given."""

    database: Database

    def __init__(self) -> None:
        super().__init__()
        self.run = new_owner()
        self.owners = [owner(self.database) for _ in range(3)]
        self.alive = dict.fromkeys(self.owners, True)
        self.model = {f"{self.run}-{name}": Held() for name in "ab"}
        self.lines = 0

    which = st.integers(0, 1)
    who = st.integers(0, 2)

    @rule(who=who, alive=st.booleans())
    def beat(self, who: int, alive: bool) -> None:
        with self.database.begin() as connection:
            leases.renew(connection, self.owners[who], 600.0 if alive else -1.0)
        self.alive[self.owners[who]] = alive

    @rule(which=which, who=who)
    def acquire(self, which: int, who: int) -> None:
        name = list(self.model)[which]
        held, owner_ = self.model[name], self.owners[who]
        with self.database.begin() as connection:
            taken = leases.acquire(connection, name, owner_, opening())
        free = held.owner in (None, owner_) or not self.alive.get(held.owner, False)
        assert (taken is not None) == (not held.closed and free and self.alive[owner_])
        if taken is not None:
            held.owner, held.epoch = owner_, held.epoch + 1
            held.given.append(taken.lease)
            assert taken.lease == Lease(name, owner_, held.epoch)

    @rule(which=which, pick=st.integers(0, 20))
    def release(self, which: int, pick: int) -> None:
        held = list(self.model.values())[which]
        if held.given:
            lease = held.given[pick % len(held.given)]
            with self.database.begin() as connection:
                leases.release(connection, lease)
            if (held.owner, held.epoch) == (lease.owner, lease.epoch):
                held.owner = None

    @rule(which=which, pick=st.integers(0, 20), closing=st.booleans())
    def write(self, which: int, pick: int, closing: bool) -> None:
        name, held = list(self.model.items())[which]
        if held.given:
            lease = held.given[pick % len(held.given)]
            self.lines += 1
            last = record(name) if closing and self.lines % 5 == 0 else None
            stored = put(self.database, lease, Write(lease, (line(f"s{self.lines}"),), record=last))
            mine = (held.owner, held.epoch) == (lease.owner, lease.epoch)
            assert stored == (mine and not held.closed)
            held.closed |= stored and last is not None

    @invariant()
    def one_lease_at_most_is_good(self) -> None:
        for held in self.model.values():
            good = [one for one in held.given if (one.owner, one.epoch) == (held.owner, held.epoch)]
            assert len(good) <= 1


def test_leases_follow_the_model(database: Database) -> None:
    """Any order of heartbeats, deaths, takings and writes is as the model says."""
    Leasing.database = database
    run_state_machine_as_test(
        Leasing,
        settings=settings(
            max_examples=12,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
