"""How findings look on a terminal: words highlighted in place, tables by rule and by agent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TextIO

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from jiyu.model import (
    SEVERITIES,
    Assessment,
    Conversation,
    Finding,
    Severity,
    Span,
    at_least,
)
from jiyu.policy.schema import Policy

SEVERITY_NAMES: dict[Severity, str] = {
    "info": "提示",
    "minor": "轻微",
    "major": "严重",
    "critical": "极严重",
}
#: Characters shown on each side of the words in question.
CONTEXT = 24
#: Findings shown in full after a scan.
WORST = 10


class Worst(msgspec.Struct, frozen=True):
    """A finding with as much around it as a table shows."""

    severity: Severity
    conversation_id: str
    turn: int
    rule: str
    parts: tuple[tuple[str, bool], ...]


class AgentTotals(msgspec.Struct):
    """What a summary keeps of one agent."""

    conversations: int = 0
    findings: int = 0
    scored: int = 0
    points: float = 0.0


class Summary(msgspec.Struct):
    """What a scan remembers of all it has judged; its size does not grow with the input."""

    conversations: int = 0
    rejected: int = 0
    by_rule: dict[str, int] = {}
    by_severity: dict[Severity, int] = {}
    by_agent: dict[str, AgentTotals] = {}
    worst: list[Worst] = []
    unnamed: int = 0

    def add(self, notes: Notes) -> None:
        """Take in what one assessment came to."""
        self.conversations += 1
        self.unnamed += notes.unnamed
        agent = self.by_agent.setdefault(notes.agent, AgentTotals())
        agent.conversations += 1
        agent.findings += len(notes.findings)
        if notes.score is not None:
            agent.scored += 1
            agent.points += notes.score
        for found in notes.findings:
            self.by_rule[found.rule] = self.by_rule.get(found.rule, 0) + 1
            self.by_severity[found.severity] = self.by_severity.get(found.severity, 0) + 1
        if notes.findings:
            ranked = [*self.worst, *notes.findings]
            ranked.sort(key=lambda w: SEVERITIES.index(w.severity), reverse=True)
            self.worst = ranked[:WORST]

    def reaches(self, severity: Severity) -> bool:
        """Say whether anything at least so severe was found."""
        return any(count and at_least(name, severity) for name, count in self.by_severity.items())


class Notes(msgspec.Struct, frozen=True):
    """What the summary needs of one assessment."""

    agent: str
    score: float | None
    findings: tuple[Worst, ...]
    unnamed: bool = False


def notes(conversation: Conversation, assessment: Assessment) -> Notes:
    """Take from an assessment what a summary needs."""
    return Notes(
        assessment.agent_id or "—",
        assessment.score,
        tuple(
            Worst(f.severity, assessment.conversation_id, f.turn, f.rule, excerpt(conversation, f))
            for f in assessment.findings
        ),
        unnamed=bool(conversation.turns)
        and not any(t.speaker == "agent" for t in conversation.turns)
        and any(t.speaker == "other" for t in conversation.turns),
    )


def excerpt(conversation: Conversation, finding: Finding) -> tuple[tuple[str, bool], ...]:
    """Return the words around a finding as pieces, each with whether it is evidence."""
    pieces: list[tuple[str, bool]] = []
    for index, span in enumerate(finding.spans):
        text = conversation.turns[span.turn].text
        low, high = max(0, span.start - CONTEXT), min(len(text), span.end + CONTEXT)
        pieces += [("…" if low else "", False), (text[low : span.start], False)]
        pieces += [(text[span.start : span.end], True), (text[span.end : high], False)]
        pieces.append(("…" if high < len(text) else "", False))
        if index + 1 < len(finding.spans):
            pieces.append((" ⏎ ", False))
    return tuple((one_line(text), marked) for text, marked in pieces if text)


def console_for(file: TextIO, width: int | None = None) -> Console:
    """Return a console that prints words as they are, without finding smileys in them."""
    return Console(file=file, width=width, highlight=False, emoji=False)


def one_line(text: str) -> str:
    """Make control characters harmless: a transcript must not steer a terminal."""
    return "".join(c if c.isprintable() else " " for c in text)


def highlighted(parts: Sequence[tuple[str, bool]]) -> Text:
    """Return pieces of text with the evidence standing out, in colour or between brackets."""
    text = Text()
    for piece, marked in parts:
        text.append(piece, style="bold red underline" if marked else "")
    return text


def marked_turn(text: str, spans: Sequence[Span]) -> Text:
    """Return a whole turn with its spans standing out."""
    shown = Text(one_line(text))
    for span in spans:
        shown.stylize("bold red underline", span.start, span.end)
    return shown


def print_summary(console: Console, policy: Policy, summary: Summary) -> None:
    """Print what was found: by rule, by agent, and the worst in place."""
    total = sum(summary.by_rule.values())
    advice = sum(n for rule, n in summary.by_rule.items() if policy.rule(rule).advice)
    advised = f"{advice} 条建议，" if advice else ""
    console.print(
        f"[bold]{escape(policy.header.title)}[/bold] {escape(policy.header.version)}："
        f"{summary.conversations} 个会话，{total - advice} 处违规，{advised}"
        f"{summary.rejected} 行无法读取"
    )
    if total:
        console.print(_rules_table(policy, summary))
    if summary.conversations:
        console.print(_agents_table(summary))
    if summary.worst:
        console.print("\n[bold]最严重的[/bold]")
        for worst in summary.worst:
            place = f"{one_line(worst.conversation_id)} 第{worst.turn + 1}句"
            severity = f"  {SEVERITY_NAMES[worst.severity]} {worst.rule} "
            line = Text.assemble(severity, (place, "dim"), " ")
            console.print(line + highlighted(worst.parts), soft_wrap=True)


def _table(**columns: Any) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name, justify in columns.items():
        table.add_column(name, justify=justify)
    return table


def _rules_table(policy: Policy, summary: Summary) -> Table:
    table = _table(规则="left", 次数="right", 程度="left", 说法="left")
    for rule_id, count in sorted(summary.by_rule.items(), key=lambda item: (-item[1], item[0])):
        rule = policy.rule(rule_id)
        table.add_row(rule_id, str(count), SEVERITY_NAMES[rule.severity], escape(rule.title))
    return table


def _agents_table(summary: Summary) -> Table:
    table = _table(客服="left", 会话="right", 违规="right", 平均分="right")
    for agent, totals in sorted(summary.by_agent.items(), key=lambda i: (-i[1].findings, i[0])):
        mean = f"{totals.points / totals.scored:.1f}" if totals.scored else "—"
        row = (str(totals.conversations), str(totals.findings), mean)
        table.add_row(Text(one_line(agent)), *row)
    return table
