"""Personal data in alerts: what leaves a session on the way shows ``*`` in its place."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from jiyu.model import Alert, Finding
from jiyu.text.personal import mask


def masked(turns: Sequence[str], alert: Alert) -> Alert:
    """Put ``*`` for personal data in the words of an alert; whole assessments are the record.

    Args:
        turns: The texts of the turns that findings count.
        alert: As the session gave it.
    """
    return msgspec.structs.replace(alert, finding=masked_finding(turns, alert.finding))


def masked_finding(turns: Sequence[str], finding: Finding) -> Finding:
    """Put ``*`` for personal data in the words of a finding."""
    spans = tuple(
        msgspec.structs.replace(span, text=mask(turns[span.turn])[span.start : span.end])
        if span.turn < len(turns)
        else span
        for span in finding.spans
    )
    return msgspec.structs.replace(finding, spans=spans)
