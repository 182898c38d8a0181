"""Numbers that become visible in their own order.

A sequence of PostgreSQL gives 7 to one transaction and 8 to another, and 8 may commit first: who
reads "all after 6" sees 8, goes on from there, and never learns of 7.  A counter in a row does not
have this flaw.  Its lock is held until the commit, so nobody gets 8 before 7 can be seen or has
gone for good.  The price is that such transactions commit one after the other; take numbers last.
"""

from __future__ import annotations

from sqlalchemy import Connection

from jiyu.store.dialects import insert
from jiyu.store.tables import sequences


def take(connection: Connection, name: str, count: int = 1) -> int:
    """Take consecutive numbers and return the first, 1 at the beginning."""
    statement = insert(connection, sequences).values(name=name, value=count)
    statement = statement.on_conflict_do_update(
        index_elements=["name"], set_={"value": sequences.c.value + statement.excluded.value}
    )
    last: int = connection.execute(statement.returning(sequences.c.value)).scalar_one()
    return last - count + 1
