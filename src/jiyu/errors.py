"""The errors that jiyu raises, each with the place where it happened.

None of them ever carries transcript text: an error message may end up in a log, and what a
customer said must not.  The offending text of a *policy* file may be shown, it is the author's own.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where.

    Attributes:
        source: File name, or ``-`` for a stream.
        line: 1-based line, or ``None`` if the whole source is meant.
        message: What is wrong, without transcript text.
    """

    source: str
    line: int | None
    message: str

    def __str__(self) -> str:
        place = self.source if self.line is None else f"{self.source}:{self.line}"
        return f"{place}: {self.message}"


class JiyuError(Exception):
    """Base of all errors of this package; carries one or more located problems."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems

    def __reduce__(self) -> tuple[type[JiyuError], tuple[Problem, ...]]:
        # The default would rebuild the error from its message, without the places.
        return type(self), self.problems


class PolicyError(JiyuError):
    """A policy cannot be used; lists everything that is wrong with it, not only the first thing."""


class PhraseError(JiyuError):
    """A phrase does not follow the phrase language."""


class InputError(JiyuError):
    """A piece of input (a line, a record, a file) cannot be read."""


class SessionError(JiyuError):
    """A session was used after it was closed."""


class StoreError(JiyuError):
    """The store refuses something, or cannot be used as it is (a newer schema, a wrong URL)."""


class StoreUnavailable(StoreError):  # noqa: N818 - says what is, not whose fault
    """The database is gone, locked or full, or its queue is; nothing was stored, try again."""


class LeaseLost(StoreError):  # noqa: N818 - as above
    """A conversation is no longer this process's to write: taken over, closed or erased."""
