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

from jiyu.authoring.diff import Difference, Sample, Scores
from jiyu.checker import Checker
from jiyu.cli.output import SeenIds
from jiyu.cli.pipeline import chunks
from jiyu.cli.show import console_for, one_line
from jiyu.cli.sources import find_sources, lines_of
from jiyu.errors import InputError, Problem
from jiyu.formats.canonical import Line, decode
from jiyu.model import Conversation, PolicyRef
from jiyu.policy.load import load_policy
from jiyu.policy.schema import Policy

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
        for item in lines_of(sources):
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
            for before, after in zip(*judged, strict=True):
                difference.add(before, after)
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
    gone = {rule.id: f"{rule.title}（已删 · dropped）" for rule in old.rules if rule.id not in kept}
    fresh = {r.id: r.title if r.id in before else f"{r.title}（新 · new）" for r in new.rules}
    return gone | fresh


def _print(console: Console, difference: Difference, titles: dict[str, str]) -> None:
    console.print(f"旧 · old  {_version(difference.old)}", soft_wrap=True)
    console.print(f"新 · new  {_version(difference.new)}", soft_wrap=True)
    console.print(
        f"{difference.conversations} 个会话，{difference.changed} 个有变化"
        f" · {difference.changed} of {difference.conversations} conversation(s) changed"
    )
    _print_scores(console, difference.scores)
    if difference.rules:
        console.print(_rules_table(difference, titles))
        _print_samples(console, difference, titles)
    if moved := [name for name, agent in difference.agents.items() if agent.moved]:
        console.print(_agents_table(difference, sorted(moved)))
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
        table.add_column(name, justify=justify)
    return table


def _rules_table(difference: Difference, titles: dict[str, str]) -> Table:
    table = _table("按规则 · by rule", 规则="left", 新增="right", 消失="right", 说法="left")
    ranked = difference.rules.items()
    for name, shift in sorted(ranked, key=lambda i: (-i[1].gained.count - i[1].lost.count, i[0])):
        counts = (_signed("+", shift.gained.count), _signed("-", shift.lost.count))
        table.add_row(name, *counts, escape(titles[name]))
    return table


def _agents_table(difference: Difference, names: list[str]) -> Table:
    columns = {"客服": "left", "会话": "right", "新增": "right", "消失": "right", "平均分": "right"}
    table = _table("按客服 · by agent", **columns)
    for name in names:
        agent = difference.agents[name]
        counts = (_signed("+", agent.gained), _signed("-", agent.lost), _means(agent.scores))
        table.add_row(Text(one_line(name) or "—"), str(agent.conversations), *counts)
    return table


def _signed(sign: str, count: int) -> str:
    return f"{sign}{count}" if count else "0"


def _print_samples(console: Console, difference: Difference, titles: dict[str, str]) -> None:
    console.print("\n[bold]例子 · samples[/bold]")
    for name, shift in sorted(difference.rules.items()):
        console.print(f"  {name} {escape(titles[name])}", soft_wrap=True)
        for sign, tally in (("+", shift.gained), ("-", shift.lost)):
            for sample in tally.samples:
                console.print(f"    {sign} {_place(sample)}", soft_wrap=True)


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
