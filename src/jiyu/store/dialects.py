"""What SQLite and PostgreSQL both can, but each in its own words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    String,
    Table,
    bindparam,
    func,
    select,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite


def insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an insertion that knows ``on_conflict_do_nothing`` and ``on_conflict_do_update``."""
    return sqlite.insert(table) if _is_sqlite(connection) else postgresql.insert(table)


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert many rows, all with the same columns.

    PostgreSQL takes them as one array a column: a third of the time of a statement a row.
    """
    if not rows:
        return
    if _is_sqlite(connection):
        connection.execute(table.insert(), rows)
        return
    names = list(rows[0])
    arrays = [
        bindparam(None, [row[name] for row in rows], ARRAY(table.c[name].type)) for name in names
    ]
    source = func.unnest(*arrays).table_valued(*names).render_derived()
    connection.execute(table.insert().from_select(names, select(source)))


def among(dialect: str, *columns: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that columns of text are one of the ``given`` values.

    The values travel as one parameter.  A list of parameters has to be parsed anew for each
    length, and SQLite does not look pairs of a list up in an index.
    """
    source = _json_rows(len(columns)) if dialect == "sqlite" else _array_rows(len(columns))
    return tuple_(*columns).in_(source) if len(columns) > 1 else columns[0].in_(source)


def given(dialect: str, values: Iterable[tuple[str, ...]]) -> dict[str, object]:
    """Return the parameters of a statement with ``among``.

    Args:
        dialect: As ``among`` had it.
        values: At least one, each as long as the columns are many.
    """
    rows = list(values)
    if dialect == "sqlite":
        return {"given": msgspec.json.encode(rows).decode()}
    return {f"given_{i}": list(column) for i, column in enumerate(zip(*rows, strict=True))}


def _json_rows(width: int) -> Select[Any]:
    each = func.json_each(bindparam("given", type_=String)).table_valued("value")
    return select(*(func.json_extract(each.c.value, f"$[{i}]") for i in range(width)))


def _array_rows(width: int) -> Select[Any]:
    arrays = [bindparam(f"given_{i}", type_=ARRAY(String)) for i in range(width)]
    names = [f"value_{i}" for i in range(width)]
    source: FromClause = func.unnest(*arrays).table_valued(*names).render_derived()
    return select(source)


def _is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"
