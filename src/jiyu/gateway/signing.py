"""Signatures of webhooks, for us who sign and for receivers who check.

``Jiyu-Signature: t=1764300000,v1=<hex>`` is HMAC-SHA256 over ``<t>.<body>``; the time is part of
it, so that what was recorded once cannot be sent again later.
"""

from __future__ import annotations

import hashlib
import hmac
import re

#: Seconds for which a signature is good.
TOLERANCE = 300.0
_FORM = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})")


def sign(secret: str, body: bytes, at: float) -> str:
    """Return the value of the header ``Jiyu-Signature``.

    Args:
        secret: Of the webhook.
        body: What is sent.
        at: Seconds since 1970.
    """
    return f"t={int(at)},v1={_mac(secret, body, int(at))}"


def verify(secret: str, body: bytes, header: str, now: float, tolerance: float = TOLERANCE) -> bool:
    """Say whether a body was signed with a secret, and lately.

    Args:
        secret: Of the webhook.
        body: What was received.
        header: The value of ``Jiyu-Signature``.
        now: Seconds since 1970.
        tolerance: How old or early it may be.
    """
    found = _FORM.fullmatch(header)
    if found is None:
        return False
    at = int(found[1])
    same = hmac.compare_digest(_mac(secret, body, at), found[2])
    return same and abs(now - at) <= tolerance


def _mac(secret: str, body: bytes, at: int) -> str:
    return hmac.new(secret.encode(), b"%d.%b" % (at, body), hashlib.sha256).hexdigest()
