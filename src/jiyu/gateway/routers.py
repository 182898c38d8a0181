"""The documented routes of administration and supervision, to be mounted all together."""

from __future__ import annotations

from fastapi import APIRouter

from jiyu.gateway import alerts, audit, health, keys, metrics, policies, webhooks

ROUTERS: tuple[APIRouter, ...] = (
    alerts.router,
    policies.router,
    webhooks.router,
    keys.router,
    audit.router,
    health.router,
    metrics.router,
)
