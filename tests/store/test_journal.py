"""Lines are numbered, and each is there once."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jiyu.store.database import Database
from jiyu.store.journal import Line, Place, lines_after
from jiyu.store.leases import new_owner
from jiyu.store.writes import Write, Written, store
from storing import acquired, line, owner


def write(database: Database, *writes: Write) -> list[Written]:
    """Store writes that must succeed."""
    with database.begin() as connection:
        results = store(connection, writes)
    assert all(isinstance(result, Written) for result in results)
    return [result for result in results if isinstance(result, Written)]


def test_lines_are_numbered_in_order(database: Database) -> None:
    """Numbers begin at one and have no gaps."""
    lease = acquired(database, owner(database))
    write(database, Write(lease, (line("s1"), line("s2"))))
    result = write(database, Write(lease, (line("s1", 1),)))[0]
    assert result.places == [Place(3, new=True)]
    assert result.seq == 3
    with database.read() as connection:
        assert [one.seq for one in lines_after(connection, "c-1")] == [1, 2, 3]
        assert [one.seq for one in lines_after(connection, "c-1", 1, limit=1)] == [2]


def test_a_repeated_line_is_found_where_it_stands(database: Database) -> None:
    """A client that sends again is told the old number."""
    lease = acquired(database, owner(database))
    event = Line("event", b"{}", number=7)
    write(database, Write(lease, (line("s1"), event)))
    result = write(database, Write(lease, (event, line("s1"), line("s1", 1))))[0]
    assert result.places == [Place(2, new=False), Place(1, new=False), Place(3, new=True)]


def test_a_line_without_a_name_is_new_each_time(database: Database) -> None:
    """Nothing says that two such lines are the same."""
    lease = acquired(database, owner(database))
    nameless = Line("event", b"{}")
    result = write(database, Write(lease, (nameless, nameless)))[0]
    assert [place.seq for place in result.places] == [1, 2]


def test_conversations_count_on_their_own(database: Database) -> None:
    """The same segment of another conversation is another line, also within one transaction."""
    who = owner(database)
    first, second = acquired(database, who, "c-1"), acquired(database, who, "c-2")
    results = write(
        database,
        Write(first, (line("s1"),)),
        Write(second, (line("s1"),)),
        Write(first, (line("s1"), line("s2"))),
    )
    assert [[place.seq for place in one.places] for one in results] == [[1], [1], [1, 2]]
    assert [place.new for place in results[2].places] == [False, True]


def test_any_character_can_be_stored(database: Database) -> None:
    """What PostgreSQL's text cannot hold is in payloads as bytes."""
    lease = acquired(database, owner(database))
    payload = '{"text":"\\u0000\\ud800 ✗ 👍"}'.encode()
    write(database, Write(lease, (Line("segment", payload, segment_id="段'\"", revision=0),)))
    with database.read() as connection:
        assert lines_after(connection, "c-1")[0].payload == payload


sent = st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.integers(0, 2))


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.lists(st.lists(sent, max_size=4), max_size=4), max_size=4))
def test_the_journal_is_a_list_without_repetitions(
    database: Database, transactions: list[list[list[tuple[str, str, int]]]]
) -> None:
    """However lines are repeated and grouped, it equals a naive list of first occurrences."""
    who, run = owner(database), new_owner()
    held = {name: acquired(database, who, f"{run}{name}") for name in "ab"}
    model: dict[str, list[tuple[str, int]]] = {"a": [], "b": []}
    for transaction in transactions:
        writes, expected = [], []
        for lines in transaction:
            for name in {name for name, _, _ in lines}:
                keys = [(s, r) for n, s, r in lines if n == name]
                writes.append(Write(held[name], tuple(line(s, r) for s, r in keys)))
                places = []
                for key in keys:
                    new = key not in model[name]
                    if new:
                        model[name].append(key)
                    places.append(Place(model[name].index(key) + 1, new))
                expected.append(places)
        assert [result.places for result in write(database, *writes)] == expected
    with database.read() as connection:
        for name, keys in model.items():
            stored = lines_after(connection, f"{run}{name}")
            assert [one.seq for one in stored] == list(range(1, len(keys) + 1))
