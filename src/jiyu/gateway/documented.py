"""What every route may answer besides what it is for, as the OpenAPI document says it."""

from __future__ import annotations

from typing import Any

from jiyu.gateway.schemas import ProblemOut

Responses = dict[int | str, dict[str, Any]]

#: For routes that need no key.
OPEN: dict[str, Any] = {"security": []}


def problem(status: int, said: str) -> Responses:
    """Document a refusal."""
    return {status: {"model": ProblemOut, "description": said}}


KEYED: Responses = {
    **problem(401, "No key, or a wrong or revoked one."),
    **problem(403, "The key's role or team does not allow it."),
    **problem(422, "Something is wrong with it; `place` says where."),
    **problem(429, "Too often, or too many streams; `Retry-After` says when."),
    **problem(503, "The store cannot be reached; nothing was done, try again."),
}
