"""One conversation being judged, live or as a whole."""

from jiyu.session.engine import Engine
from jiyu.session.session import Session

__all__ = ["Engine", "Session"]
