"""Batch: whole conversations, judged as a session judges its turns when it closes."""

from __future__ import annotations

from collections.abc import Sequence

from jiyu.model import Assessment, Conversation, Facts
from jiyu.policy.load import load_policy
from jiyu.policy.schema import Policy
from jiyu.session import Engine, Session


class Checker:
    """A policy ready to judge; immutable, and safe to share between threads.

    Example:
        >>> from jiyu import Checker, Conversation, Turn
        >>> turns = (Turn("你有完没完", speaker="agent"),)
        >>> Checker().assess(Conversation("c-1", turns)).findings[0].rule
        'F2-05'
    """

    def __init__(self, policy: Policy | None = None) -> None:
        """Compile a policy.

        Args:
            policy: What to judge by; the shipped policy if left out.

        Raises:
            PolicyError: The shipped policy cannot be read, or phrases are not well formed.
        """
        self._engine = Engine.of(load_policy() if policy is None else policy)

    @property
    def policy(self) -> Policy:
        """What is judged by."""
        return self._engine.policy

    @property
    def engine(self) -> Engine:
        """The compiled policy, to open sessions with."""
        return self._engine

    def open(self, conversation_id: str, facts: Facts | None = None) -> Session:
        """Open a live session.

        Args:
            conversation_id: Unique in its source.
            facts: What is known of the conversation at its beginning.
        """
        return Session(self._engine, conversation_id, facts)

    def assess(self, conversation: Conversation) -> Assessment:
        """Judge a whole conversation; the same as a session that is closed after its turns."""
        return self.assess_all([conversation])[0]

    def assess_all(self, conversations: Sequence[Conversation]) -> list[Assessment]:
        """Judge many conversations in one pass over their words; the faster, the more of them."""
        return [self._engine.assess(one) for one in self._engine.dialogues(conversations)]
