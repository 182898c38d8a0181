"""The durable store: SQLite by default, PostgreSQL by URL.

Every function takes an open connection first, so that who opens it decides what is atomic with
what: ``with database.begin() as connection`` for one transaction, ``writer.call(function, …)`` to
share the next group commit.  Text comes in and goes out as bytes of JSON, never through a log.
"""
