"""What a user says of how sources are to be read."""

from __future__ import annotations

from typing import NamedTuple

from jiyu.formats.columns import Columns


class Reading(NamedTuple):
    """How sources are to be read.

    Attributes:
        format: A name that the registry knows, or ``None`` to tell by content.
        columns: What is said about the columns of tables.
    """

    format: str | None = None
    columns: Columns = Columns()
