"""``jiyu policy diff``: what a change of policy would do to past conversations."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from jiyu.authoring.diff import Difference, RuleShift, Sample, Scores, Total
from jiyu.checker import Checker
from jiyu.cli.output import SeenIds
from jiyu.cli.pipeline import chunks
from jiyu.cli.show import console_for, one_line
from jiyu.cli.sources import find_sources, units_of
from jiyu.errors import InputError, Problem
from jiyu.formats.canonical import Line, decode
from jiyu.formats.reading import Reading
from jiyu.model import Conversation, PolicyRef
from jiyu.policy.load import load_policy
from jiyu.policy.schema import Policy, Rule

app = typer.Typer(help="规则的版本 · versions of a policy.", no_args_is_help=True)


@app.callback()
def _policy() -> None:
    """规则的版本 · versions of a policy."""


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(help="旧规则目录 · the policy as it was.")],
    new: Annotated[Path, typer.Argument(help="新规则目录 · the policy as it will be.")],
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH…", help="文件、目录、通配符，或 - · files or -.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON · for machines.")] = False,
) -> None:
    """两版规则对同一批会话的判定有何不同 · what a change of policy does to conversations."""
    checkers = Checker(load_policy(old)), Checker(load_policy(new))
    difference = Difference(checkers[0].policy.ref, checkers[1].policy.ref)
    unread = 0
    for problem in _compare(*checkers, paths, difference):
        unread += 1
        typer.echo(str(problem), err=True)
    if as_json:
        # Bytes, so that it is UTF-8 on any console.
        typer.echo(msgspec.json.encode(difference))
    else:
        titles = _titles(*(checker.policy for checker in checkers))
        _print(console_for(sys.stdout), difference, titles)
    raise typer.Exit(2 if unread else 0)


def _compare(
    old: Checker, new: Checker, paths: list[str], difference: Difference
) -> Iterator[Problem]:
    """Judge every conversation twice and note what differs; yield what cannot be read."""
    sources = find_sources(paths, None)
    problems = list(sources.problems)

    def lines() -> Iterator[Line]:
        for item in units_of(sources, Reading()):
            if isinstance(item, Problem):
                problems.append(item)
            else:
                yield item

    with closing(SeenIds()) as seen:
        for chunk in chunks(lines()):
            read = [_read(line, seen) for line in chunk]
            problems += (item for item in read if isinstance(item, Problem))
            conversations = [item for item in read if isinstance(item, Conversation)]
            judged = old.assess_all(conversations), new.assess_all(conversations)
            for conversation, before, after in zip(conversations, *judged, strict=True):
                difference.add(conversation, before, after)
            yield from problems
            problems.clear()
    yield from problems


def _read(line: Line, seen: SeenIds) -> Conversation | Problem:
    try:
        conversation = decode(line)
    except InputError as error:
        return error.problems[0]
    if not seen.add(conversation.conversation_id):
        message = "a conversation of this id was read before"
        return Problem(line.source, line.number, message)
    return conversation


def _titles(old: Policy, new: Policy) -> dict[str, str]:
    """Return what each rule is called now, or was called before it was dropped."""
    kept = {rule.id for rule in new.rules}
    before = {rule.id for rule in old.rules}
    gone = {r.id: _title(r, "已删 · dropped") for r in old.rules if r.id not in kept}
    fresh = {r.id: _title(r, "" if r.id in before else "新 · new") for r in new.rules}
    return gone | fresh


def _title(rule: Rule, fate: str) -> str:
    advice = "（建议，不扣分 · advice）" if rule.advice else ""
    return f"{rule.title}{advice}{f'（{fate}）' if fate else ''}"


def _print(console: Console, difference: Difference, titles: dict[str, str]) -> None:
    console.print(f"旧 · old  {_version(difference.old)}", soft_wrap=True)
    console.print(f"新 · new  {_version(difference.new)}", soft_wrap=True)
    changed = difference.changed
    console.print(
        f"{difference.conversations} 个会话，{f'{changed} 个' if changed else '没有一个'}有变化"
        f" · {changed} of {difference.conversations} conversation(s) changed"
    )
    if difference.conversations:
        _print_scores(console, difference.scores)
    moved = {name: shift for name, shift in difference.rules.items() if shift.moved}
    if moved:
        console.print(_rules_table(moved, titles))
        _print_samples(console, moved)
    if any(agent.moved for agent in difference.agents.values()):
        console.print(_agents_table(difference))
    _print_moves(console, difference)


def _version(ref: PolicyRef) -> str:
    return escape(f"{ref.name} {ref.version} ({ref.digest[:12]})")


def _print_scores(console: Console, scores: Scores) -> None:
    console.print(
        f"平均分 · mean score  {_means(scores)}，{scores.up} 个升 · up，{scores.down} 个降 · down"
    )
    if scores.appeared or scores.vanished:
        console.print(
            f"{scores.appeared} 个新有分数 · newly scored，"
            f"{scores.vanished} 个不再有分数 · no longer scored"
        )


def _means(scores: Scores) -> str:
    means = scores.means
    return f"{means[0]:.2f} → {means[1]:.2f}" if means else "—"


def _table(title: str, **columns: Any) -> Table:
    table = Table(title=f"\n{title}", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for name, justify in columns.items():
        table.add_column(name, justify=justify, overflow="fold")
    return table


def _rules_table(moved: dict[str, RuleShift], titles: dict[str, str]) -> Table:
    columns = {"规则": "left", "违规会话": "right", "新增": "right", "消失": "right"}
    table = _table("按规则（旧 → 新） · by rule", **columns, 扣分="right", 说法="left")
    for name in sorted(moved, key=lambda name: (-moved[name].stir, name)):
        shift = moved[name]
        counts = (_signed("+", shift.gained.count), _signed("-", shift.lost.count))
        before, after = shift.before, shift.after
        found = f"{before.conversations} → {after.conversations}"
        table.add_row(name, found, *counts, _points(before, after), escape(titles[name]))
    return table


def _points(before: Total, after: Total) -> str:
    if before.points == after.points:
        return f"{after.points:.10g}"
    return f"{before.points:.10g} → {after.points:.10g}"


def _agents_table(difference: Difference) -> Table:
    columns = {"客服": "left", "会话": "right", "新增": "right", "消失": "right", "平均分": "right"}
    table = _table("按客服（旧 → 新） · by agent", **columns)
    moved = ((name, agent) for name, agent in difference.agents.items() if agent.moved)
    for name, agent in sorted(moved, key=lambda i: (-i[1].stir, i[0])):
        counts = (_signed("+", agent.gained), _signed("-", agent.lost), _means(agent.scores))
        table.add_row(Text(one_line(name) or "—"), str(agent.conversations), *counts)
    return table


def _signed(sign: str, count: int) -> str:
    return f"{sign}{count}" if count else "0"


def _print_samples(console: Console, moved: dict[str, RuleShift]) -> None:
    """Print samples in the order of the rules; those that only gather others have none."""
    shown = {n: s for n, s in sorted(moved.items()) if s.gained.samples or s.lost.samples}
    if shown:
        console.print("\n[bold]例子 · samples[/bold]")
    for name, shift in shown.items():
        for sign, tally in (("+", shift.gained), ("-", shift.lost)):
            for sample in tally.samples:
                console.print(f"  {sign} {name} {_place(sample)}", soft_wrap=True)


def _place(sample: Sample) -> str:
    where = f"{one_line(sample.conversation_id)} 第{sample.turn + 1}句"
    return f"[dim]{escape(where)}[/dim] {escape(one_line(sample.words))}"


def _print_moves(console: Console, difference: Difference) -> None:
    if difference.biggest:
        console.print("\n[bold]分数变化最大 · biggest moves[/bold]")
    for move in difference.biggest:
        whose = f"{one_line(move.conversation_id)}（{one_line(move.agent or '—')}）"
        console.print(
            f"  {move.before:g} → {move.after:g}  [dim]{escape(whose)}[/dim]", soft_wrap=True
        )
