"""``jiyu rules``: what the policy says, as a list, rule by rule, or row by row of the norm."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from jiyu.authoring.coverage import Covered, coverage
from jiyu.cli.options import PolicyOption
from jiyu.cli.show import SEVERITY_NAMES, console_for
from jiyu.errors import PolicyError, Problem
from jiyu.model import Speaker
from jiyu.policy.checks import (
    MEASURES,
    AnyCheck,
    Check,
    Cue,
    Forbid,
    Limit,
    Measure,
    Protect,
    Require,
    Says,
    Sequence,
)
from jiyu.policy.load import load_policy
from jiyu.policy.schema import Policy, Rule

#: Phrases of one concept that are shown; the file has the others.
MOST_PHRASES = 40
#: Columns of a table that no terminal bounds.
WIDE = 160
_SIDES: Mapping[Speaker, str] = {
    "agent": "客服说",
    "customer": "客户说",
    "system": "系统说",
    "other": "有人说",
}
_KINDS = {
    "forbid": "不准说 · forbid",
    "require": "必须说 · require",
    "limit": "不得超限 · limit",
    "sequence": "不得依次发生 · sequence",
    "protect": "不得泄露 · protect",
}
_MEASURES: Mapping[Measure, str] = {
    "interruption": "客户说了多少秒时被插话",
    "release": "客户道别后多少秒客服挂机（没有道别为 -1）",
    "tag": "有这些声音事件的客服话语",
    "answer_delay": "没有请客户稍等的应答延迟，秒",
    "terse_reply": "只回几个字的答复之前的等待，秒",
    "drawl": "拖腔的话每秒几个字",
    "particles": "语气词、口头禅的个数",
    "distinct": "整个会话里不同的词有几个",
    "distinct_in_turn": "一句话里不同的词有几个",
    "transfers": "转接次数",
    "repeated_request": "客户重复同一请求的次数",
    "answer_time": "从提问到实质答复，秒",
    "feedback_time": "需协调的从提问到反馈，秒",
    "callback_delay": "比约定的时间晚多少秒回电",
    "callback_hours": "在休息时段的回电",
}


def rules(
    rule_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="规则编号 · a rule.")
    ] = None,
    policy: PolicyOption = None,
    covered: Annotated[
        bool,
        typer.Option("--coverage", help="规范的每一条由哪些规则判定 · every row of the norm."),
    ] = False,
) -> None:
    """列出规则，或解释一条规则 · list the rules, or explain one."""
    loaded = load_policy(policy)
    console = console_for(sys.stdout)
    if covered:
        raise typer.Exit(_coverage(loaded))
    if rule_id is None:
        _list(console, loaded)
        return
    try:
        rule = loaded.rule(rule_id)
    except KeyError:
        raise PolicyError(Problem(loaded.header.name, None, f"no rule {rule_id!r}")) from None
    for line in _explained(loaded, rule):
        console.print(line, soft_wrap=True)


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


def _coverage(policy: Policy) -> int:
    """Print every row of the norm; return 1 if any is missing."""
    rows = coverage(policy)
    if not rows:
        message = "the policy does not list the rows of its norm (norm.yaml)"
        raise PolicyError(Problem(policy.header.name, None, message))
    console = console_for(sys.stdout, None if sys.stdout.isatty() else WIDE)
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("编号", "规范", "判定的规则，或无法判定的原因"):
        table.add_column(name, no_wrap=name == "编号")
    for row in rows:
        table.add_row(escape(row.row_id), escape(row.text), _judged_by(policy, row))
    console.print(table)
    missing = sum(row.missing for row in rows)
    judged = sum(bool(row.by) for row in rows)
    rest = len(rows) - judged - missing
    console.print(
        f"\n共 {len(rows)} 条：{judged} 条有规则判定，{rest} 条无法从会话判定，{missing} 条缺 · "
        f"{judged} judged, {rest} not judgeable, {missing} missing"
    )
    return 1 if missing else 0


def _judged_by(policy: Policy, row: Covered) -> str:
    if row.missing:
        return "[bold red]缺 · missing[/bold red]"
    categories = policy.header.categories
    names = (f"{n}（{categories[n].title}）" if n in categories else n for n in row.by)
    return escape("、".join(names)) if row.by else f"[dim]{escape(row.reason)}[/dim]"


def _explained(policy: Policy, rule: Rule) -> Iterator[str]:
    """Yield lines that explain a rule."""
    fatal = "，一次即总分为 0" if rule.fatal else ""
    advice = "，只是建议" if rule.advice else ""
    yield f"[bold]{rule.id} {escape(rule.title)}[/bold]"
    yield f"  {escape(rule.clause)}"
    yield f"  {SEVERITY_NAMES[rule.severity]}，扣 {rule.deduction:g} 分{fatal}{advice}"
    if rule.instead:
        yield f"  应当说：{escape(rule.instead)}"
    for check in rule.checks:
        if check is not rule or not isinstance(check, Forbid):
            also = "" if check is rule else "又 · also："
            yield f"\n  [bold]{also}{_KINDS[check.kind]}[/bold]"
        yield from _check(policy, check)
    if rule.escalates:
        yield f"\n  [bold]有这些话时加重为{SEVERITY_NAMES[rule.escalates.severity]}[/bold]"
        yield from _cues(policy, rule.escalates.says)
    for kind, title in (("flags", "违规的例子"), ("passes", "不算违规的例子")):
        yield f"\n  {title}"
        for example in getattr(rule.examples, kind):
            yield f"    {escape(example.shown)}"


def _check(policy: Policy, check: AnyCheck) -> Iterator[str]:
    match check:
        case Forbid():
            yield from _forbid(policy, check)
        case Require():
            yield from _require(policy, check)
        case Limit():
            yield from _limit(policy, check)
        case Sequence():
            yield from _sequence(policy, check)
        case Protect():
            yield from _protect(policy, check)
    yield from _bounds(check)


def _bounds(check: Check) -> Iterator[str]:
    """Yield which conversations a check looks at, if not at all of them."""
    if check.channel:
        yield f"    渠道：{check.channel}"
    if check.direction:
        yield f"    方向：{check.direction}"
    if check.requires:
        yield f"    来源须提供：{'、'.join(check.requires)}"


def _forbid(policy: Policy, check: Forbid) -> Iterator[str]:
    for says in check.says:
        yield from _said(policy, says, "说法")
    if check.speaker != "agent":
        yield f"    谁：{_SIDES[check.speaker]}"
    if check.general:
        yield "    同一处话已违反更具体的规则时，算那条的"
    if check.gathers:
        yield f"\n  违反其中任何一条也违反本条，不另扣分：{'、'.join(check.gathers)}"


def _require(policy: Policy, check: Require) -> Iterator[str]:
    yield f"    何时：{_when(check)}"
    yield from _cues(policy, check.when)
    for need in check.needs:
        yield f"\n  须说 {escape(need.title)}"
        yield from _concepts(policy, need.any, "说法")
        yield from _concepts(policy, need.outbound, "或呼出时说")
        if need.longer:
            yield f"    或一句话超过 {need.longer} 字"
    yield from _concepts(policy, check.accepts, "或客户说")


def _when(check: Require) -> str:
    """Say when a duty comes up, and in which of the agent's turns it may be done."""
    if check.opening:
        return f"会话开头，客服的前 {check.opening} 句"
    if check.closing:
        return f"会话结尾，客服的后 {check.closing} 句"
    if check.holiday:
        return "节假日，整个会话"
    brought_up = f"发生 {'、'.join(check.event)}" if check.event else "有下面的话"
    before = f"之前 {check.before} 句、" if check.before else ""
    window = "整个会话" if check.anywhere else f"客服{before}之后 {check.within} 句"
    return f"{brought_up}，{window}{'，每次都要' if check.each else ''}"


def _limit(policy: Policy, check: Limit) -> Iterator[str]:
    yield f"    量度：{check.measure}（{_MEASURES[check.measure]}）"
    bounds = (("≥", check.at_least), (">", check.over), ("<", check.below))
    beyond = " 或 ".join(f"{sign} {bound:g}" for sign, bound in bounds if bound is not None)
    yield f"    超限：{beyond}{f'，满 {check.times} 次' if check.times > 1 else ''}"
    if check.tags:
        yield f"    声音事件：{'、'.join(check.tags)}"
    yield from _cues(policy, check.says)
    if check.together_tags:
        yield f"    还须有声音事件：{'、'.join(check.together_tags)}"
    yield from _concepts(
        policy, check.together, "或有整句" if check.together_tags else "还须有整句"
    )
    for role, names in check.roles.items():
        yield from _concepts(policy, names, role)
    settings = (f"{name} = {check.setting(name):g}" for name in MEASURES[check.measure][1])
    if shown := "；".join(settings):
        yield f"    参数：{shown}"


def _sequence(policy: Policy, check: Sequence) -> Iterator[str]:
    between = "，两步之间对方说过话" if check.alternating else ""
    within = f"，不超过 {check.within} 句" if check.within else ""
    yield f"    各步依次出现 {check.times} 遍{between}{within}"
    for number, step in enumerate(check.steps, 1):
        yield f"\n  第 {number} 步"
        yield from _cues(policy, [step])


def _protect(policy: Policy, check: Protect) -> Iterator[str]:
    yield f"    资料：{'、'.join(check.data)}"
    if check.unlabelled:
        yield f"    没说是谁的也算：{'、'.join(check.unlabelled)}"
    yield from _concepts(policy, check.others, "别人的")
    yield from _concepts(policy, check.own, "客户自己的（可以）")
    yield from _concepts(policy, check.public, "公开的（可以）")


def _cues(policy: Policy, cues: Iterable[Cue]) -> Iterator[str]:
    for cue in cues:
        yield from _said(policy, cue, _SIDES[cue.speaker])


def _said(policy: Policy, says: Says, label: str) -> Iterator[str]:
    """Yield a way of saying: its concepts, and the conditions under which they count."""
    yield from _concepts(policy, says.concept, label)
    yield f"    条件：{escape('；'.join(conditions(says)) or '无')}"


def _concepts(policy: Policy, names: Iterable[str], label: str) -> Iterator[str]:
    """Yield each concept with its place and phrases; of a long one, the first."""
    for name in names:
        concept, (file, line) = policy.concepts[name], policy.origins[f"concept {name}"]
        place = f"[dim]{escape(file)}:{line}[/dim]"
        yield f"\n  {escape(label)} [cyan]{escape(name)}[/cyan] {escape(concept.title)} {place}"
        for phrase in concept.phrases[:MOST_PHRASES]:
            yield f"    {escape(phrase)}"
        if left := len(concept.phrases[MOST_PHRASES:]):
            yield f"    [dim]…… 还有 {left} 条，见 {escape(file)}:{line}[/dim]"


def conditions(says: Says) -> list[str]:
    """Name the conditions of a way of saying, as the policy writes them."""
    stated = says.model_dump(exclude_defaults=True, exclude={"concept", "speaker"})
    named = {"unless": says.unless, **stated}
    return [
        f"{key}: {'、'.join(value) if isinstance(value, tuple) else value}"
        for key, value in named.items()
        if value != ()
    ]
