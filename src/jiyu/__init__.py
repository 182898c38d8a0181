"""jiyu 忌语: check Chinese customer service against a company's service norms."""

from jiyu.checker import Checker
from jiyu.model import Assessment, Conversation, Turn
from jiyu.policy.schema import Policy
from jiyu.session import Session

__all__ = ["Assessment", "Checker", "Conversation", "Policy", "Session", "Turn"]
