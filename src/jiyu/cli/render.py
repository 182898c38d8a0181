"""The forms in which a scan writes what it found, one conversation at a time."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping

import msgspec

from jiyu.model import Assessment, Conversation
from jiyu.text.personal import mask

CSV_COLUMNS = (
    "conversation_id",
    "agent_id",
    "team",
    "finding_id",
    "rule",
    "category",
    "severity",
    "turn",
    "at",
    "words",
    "turn_text",
    "explanation",
)
_encoder = msgspec.json.Encoder()
# Excel takes a cell that begins with one of these for a formula.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")


def masked(conversation: Conversation, assessment: Assessment) -> tuple[Conversation, Assessment]:
    """Put ``*`` for the personal data in everything of a conversation that is shown.

    Only turns with evidence are ever shown, and a masked text is as long as before, so spans hold.
    """
    shown = {span.turn for finding in assessment.findings for span in finding.spans}
    shown |= {finding.turn for finding in assessment.findings}
    texts = {index: mask(conversation.turns[index].text) for index in shown}
    turns = tuple(
        msgspec.structs.replace(turn, text=texts[index]) if index in texts else turn
        for index, turn in enumerate(conversation.turns)
    )
    findings = tuple(
        msgspec.structs.replace(
            finding,
            spans=tuple(
                msgspec.structs.replace(span, text=texts[span.turn][span.start : span.end])
                for span in finding.spans
            ),
        )
        for finding in assessment.findings
    )
    return (
        msgspec.structs.replace(conversation, turns=turns),
        msgspec.structs.replace(assessment, findings=findings),
    )


Renderer = Callable[[Conversation, Assessment], bytes]


def _assessments(conversation: Conversation, assessment: Assessment) -> bytes:  # noqa: ARG001
    return _encoder.encode(assessment) + b"\n"


def _findings(conversation: Conversation, assessment: Assessment) -> bytes:  # noqa: ARG001
    whose = {
        "conversation_id": assessment.conversation_id,
        "agent_id": assessment.agent_id,
        "team": assessment.team,
    }
    rows = (whose | msgspec.to_builtins(finding) for finding in assessment.findings)
    return b"".join(_encoder.encode(row) + b"\n" for row in rows)


def _csv(conversation: Conversation, assessment: Assessment) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    for finding in assessment.findings:
        cells = (
            assessment.conversation_id,
            assessment.agent_id or "",
            assessment.team or "",
            finding.finding_id,
            finding.rule,
            finding.category,
            finding.severity,
            str(finding.turn),
            "" if finding.at is None else str(finding.at),
            " / ".join(span.text for span in finding.spans),
            conversation.turns[finding.turn].text,
            finding.explanation,
        )
        writer.writerow([_harmless(cell) for cell in cells])
    return out.getvalue().encode("utf-8", "replace")


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _nothing(conversation: Conversation, assessment: Assessment) -> bytes:  # noqa: ARG001
    return b""


RENDERERS: Mapping[str, Renderer] = {
    "assessments": _assessments,
    "findings": _findings,
    "csv": _csv,
    "table": _nothing,
}
#: What stands before the first conversation: Excel reads UTF-8 only behind a byte order mark.
PREAMBLES: Mapping[str, bytes] = {
    "csv": b"\xef\xbb\xbf" + ",".join(CSV_COLUMNS).encode() + b"\r\n",
}
