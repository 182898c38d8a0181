"""What every request passes, from the outside in."""

from __future__ import annotations

from fastapi import FastAPI

from jiyu.gateway.guard import Guard
from jiyu.gateway.limits import BodyLimit, SecurityHeaders, Sockets
from jiyu.gateway.logs import RequestLog
from jiyu.gateway.settings import Settings


def install(app: FastAPI, settings: Settings) -> Sockets:
    """Put log, headers, size, and door before an application.

    Returns:
        What is counted as open, for the metrics.
    """
    sockets = Sockets(settings.sockets_limit)
    # The last one added is the first one passed.
    app.add_middleware(Guard, settings=settings, sockets=sockets)
    larger = {"/v1/policies": settings.policy_limit}
    app.add_middleware(BodyLimit, limit=settings.body_limit, larger=larger)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestLog, settings=settings)
    return sockets
