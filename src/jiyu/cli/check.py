"""``jiyu check``: judge one sentence and show why."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape

from jiyu.checker import Checker
from jiyu.cli.options import FailOn, PolicyOption
from jiyu.cli.show import SEVERITY_NAMES, console_for, marked_turn, one_line
from jiyu.judge.forbid import Candidate
from jiyu.model import Assessment, Conversation, Finding, Span, Turn, at_least
from jiyu.policy.load import load_policy
from jiyu.policy.schema import Rule

#: Characters of a phrase that are shown.
LONGEST_PHRASE = 60


def check(
    text: Annotated[str, typer.Argument(help="客服说的话 · what the agent says.")],
    customer: Annotated[
        str | None, typer.Option(help="客户前面说的话 · what the customer said before.")
    ] = None,
    policy: PolicyOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON · the assessment.")] = False,
    fail_on: FailOn = None,
) -> None:
    """检查一句话，并说明原因 · judge one sentence and show why."""
    checker = Checker(load_policy(policy))
    before = [Turn(customer, "customer")] if customer else []
    conversation = Conversation("check", (*before, Turn(text, "agent")))
    dialogue = checker.engine.dialogue(conversation)
    candidates = list(checker.engine.panel.forbid.candidates(dialogue))
    assessment = checker.engine.assess(dialogue)
    if as_json:
        # Bytes, so that it is UTF-8 on any console.
        typer.echo(msgspec.json.encode(assessment))
    else:
        _print(console_for(sys.stdout), checker, assessment, candidates, conversation.turns[-1])
    severe = [f for f in assessment.findings if fail_on and at_least(f.severity, fail_on)]
    raise typer.Exit(1 if severe else 0)


def _print(
    console: Console,
    checker: Checker,
    assessment: Assessment,
    candidates: list[Candidate],
    turn: Turn,
) -> None:
    # Words of the customer may break a rule too, but only the agent's are shown whole.
    spans = [s for f in assessment.findings if f.speaker == turn.speaker for s in f.spans]
    console.print(marked_turn(turn.text, spans), soft_wrap=True)
    found = {finding.rule for finding in assessment.findings}
    # What the sentence says comes before what is missing from it.
    for finding in sorted(assessment.findings, key=lambda f: (f.kind == "advice", -f.turn)):
        _print_finding(console, checker.policy.rule(finding.rule), finding, candidates)
    excused = {c.rule.id: c for c in candidates if not c.counts and c.rule.id not in found}
    for candidate in excused.values():
        words = _words(candidate.turn.spans(candidate.mention))
        rule = candidate.rule
        console.print(f"\n[dim]不算 {rule.id} {escape(rule.title)}[/dim]")
        console.print(f"  出现：{escape(words)}", soft_wrap=True)
        _print_asked(console, candidate)
    if not assessment.findings:
        console.print("\n[green]没有违规[/green]")


def _print_finding(
    console: Console, rule: Rule, finding: Finding, candidates: list[Candidate]
) -> None:
    """Print what was found, and why it counts."""
    severity = SEVERITY_NAMES[finding.severity]
    what = "[bold]建议[/bold]" if finding.kind == "advice" else "[bold red]违规[/bold red]"
    console.print(f"\n{what} {rule.id} {escape(rule.title)}（{severity}）")
    console.print(f"  条款：{escape(rule.clause)}，扣 {rule.deduction:g} 分")
    console.print(f"  命中：{escape(_words(finding.spans))}", soft_wrap=True)
    counted = (
        c
        for c in candidates
        if c.counts and c.rule.id == rule.id and c.turn.spans(c.mention) == finding.spans
    )
    # Only words that are forbidden have a phrase and conditions to show.
    if (candidate := next(counted, None)) is not None:
        _print_asked(console, candidate)
    else:
        console.print(f"  原因：{escape(finding.explanation)}", soft_wrap=True)
    if rule.instead:
        console.print(f"  应当说：{escape(rule.instead)}")


def _words(spans: Sequence[Span]) -> str:
    return one_line("／".join(span.text for span in spans))


def _print_asked(console: Console, candidate: Candidate) -> None:
    phrase = candidate.mention.phrase
    # A phrase may list hundreds of wordings; ``jiyu rules ID`` shows it whole.
    shown = phrase if len(phrase) <= LONGEST_PHRASE else f"{phrase[:LONGEST_PHRASE]}…"
    console.print(f"  词条：{escape(shown)}", soft_wrap=True)
    for asked in candidate.asked:
        mark = "[green]✓[/green]" if asked.holds else "[yellow]✗[/yellow]"
        console.print(f"  {mark} {escape(asked.condition)}")
