"""``jiyu rules``: what the policy says, as a list or rule by rule."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from jiyu.cli.options import PolicyOption
from jiyu.cli.show import SEVERITY_NAMES, console_for
from jiyu.errors import PolicyError, Problem
from jiyu.policy.load import load_policy
from jiyu.policy.schema import Dialogue, Policy, Rule, Says


def rules(
    rule_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="规则编号 · a rule.")
    ] = None,
    policy: PolicyOption = None,
) -> None:
    """列出规则，或解释一条规则 · list the rules, or explain one."""
    loaded = load_policy(policy)
    console = console_for(sys.stdout)
    if rule_id is None:
        _list(console, loaded)
        return
    try:
        _explain(console, loaded, loaded.rule(rule_id))
    except KeyError:
        raise PolicyError(Problem(loaded.header.name, None, f"no rule {rule_id!r}")) from None


def _list(console: Console, policy: Policy) -> None:
    header = policy.header
    title = f"{escape(header.title)} {escape(header.version)} · {len(policy.rules)} 条规则"
    table = Table(title=title, box=None)
    for name in ("编号", "类别", "程度", "扣分", "规则"):
        table.add_column(
            name, no_wrap=name != "规则", justify="right" if name == "扣分" else "left"
        )
    for rule in policy.rules:
        table.add_row(
            rule.id,
            escape(header.categories[rule.category].title),
            SEVERITY_NAMES[rule.severity],
            "0 分" if rule.fatal else f"{rule.deduction:g}",
            escape(rule.title),
        )
    console.print(table)


def _explain(console: Console, policy: Policy, rule: Rule) -> None:
    fatal = "，一次即总分为 0" if rule.fatal else ""
    console.print(f"[bold]{rule.id} {escape(rule.title)}[/bold]")
    console.print(f"  {escape(rule.clause)}")
    console.print(f"  {SEVERITY_NAMES[rule.severity]}，扣 {rule.deduction:g} 分{fatal}")
    if rule.instead:
        console.print(f"  应当说：{escape(rule.instead)}")
    for says in rule.says:
        for concept in says.concept:
            file, line = policy.origins[f"concept {concept}"]
            title = policy.concepts[concept].title
            console.print(
                f"\n  说法 [cyan]{concept}[/cyan] {escape(title)} [dim]{escape(file)}:{line}[/dim]",
                soft_wrap=True,
            )
            for phrase in policy.concepts[concept].phrases:
                console.print(f"    {escape(phrase)}", soft_wrap=True)
        console.print(f"    条件：{escape('；'.join(conditions(says)) or '无')}")
    for kind, title in (("flags", "违规的例子"), ("passes", "不算违规的例子")):
        console.print(f"\n  {title}")
        for dialogue in getattr(rule.examples, kind):
            console.print(f"    {escape(_shown(dialogue))}", soft_wrap=True)


def conditions(says: Says) -> list[str]:
    """Name the conditions of a way of saying, as the policy writes them."""
    default = Says.model_fields["unless"].get_default()
    stated = says.model_dump(exclude_defaults=True, exclude={"concept"})
    named = {"unless": says.unless or default, **stated}
    return [
        f"{key}: {'、'.join(value) if isinstance(value, tuple) else value}"
        for key, value in named.items()
    ]


def _shown(dialogue: Dialogue) -> str:
    names = {"agent": "服", "customer": "客", "system": "系", "other": "？"}
    return " / ".join(f"{names[turn.speaker]}：{turn.text}" for turn in dialogue)
