"""``jiyu scan``: judge files of conversations."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from jiyu.authoring.verified import require_examples
from jiyu.checker import Checker
from jiyu.cli.options import (
    AgentSpeaker,
    ColumnsOption,
    FailOn,
    InputFormat,
    PolicyOption,
    reading_of,
)
from jiyu.cli.output import Checkpoint, Output, SeenIds
from jiyu.cli.pipeline import Format, Judged, run
from jiyu.cli.render import PREAMBLES
from jiyu.cli.show import Summary, console_for, print_summary
from jiyu.cli.sources import STDIN, Sources, find_sources, units_of
from jiyu.errors import InputError, Problem
from jiyu.formats.canonical import Line, decode
from jiyu.formats.reading import Reading
from jiyu.formats.speakers import Naming
from jiyu.policy.load import load_policy


def scan(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH…", help="文件、目录、通配符，或 - · files or -.")
    ],
    policy: PolicyOption = None,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="F|-", help="结果文件 · where to write.")
    ] = STDIN,
    output_format: Annotated[
        Format | None,
        typer.Option("--format", help="结果格式；终端上默认只显示汇总 · form of the result."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=256, help="进程数 · processes.")] = 1,
    fail_on: FailOn = None,
    unmasked: Annotated[
        bool,
        typer.Option("--unmasked", help="显示个人资料，不打星号 · show personal data as it is."),
    ] = False,
    input_format: InputFormat = None,
    columns: ColumnsOption = None,
    agent_speaker: AgentSpeaker = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="接着上次中断的地方 · go on after an interruption.")
    ] = False,
) -> None:
    """检查会话文件，写出判定；各种转写与聊天格式按内容识别 · judge files of conversations."""
    path = None if output == STDIN else Path(output)
    if resume and path is None:
        raise InputError(Problem("--resume", None, "needs --output FILE"))
    on_terminal = sys.stdout.isatty()
    form = output_format or ("table" if on_terminal and path is None else "assessments")
    checker = Checker(load_policy(policy))
    require_examples(checker)
    reading, naming = reading_of(input_format, columns), Naming(tuple(agent_speaker or ()))
    sources = find_sources(paths, path)
    asked = "" if (reading, naming) == (Reading(), Naming()) else repr((reading, naming))
    begun = Checkpoint(sources.shown, checker.policy.digest, form, asked)
    target = Output(path, begun, resume=resume)
    problems = list(sources.problems)
    with _progress(sources) as advance, closing(SeenIds()) as seen:
        lines = _readable(sources, reading, problems, advance)
        _skip_judged(lines, target, seen)
        judged = run(lines, checker, policy, form, workers, naming, unmasked=unmasked)
        _write_all(judged, target, seen)
    summary = target.checkpoint.summary
    if form == "table" and path is not None:
        _write_table(target, checker, summary)
    target.finish()
    if on_terminal or (form == "table" and path is None):
        print_summary(console_for(sys.stdout), checker.policy, summary)
    _tell(problems, summary, target)
    reached = fail_on is not None and summary.reaches(fail_on)
    raise typer.Exit(2 if problems or summary.rejected else int(reached))


def _skip_judged(lines: Iterator[Line], target: Output, seen: SeenIds) -> None:
    """Pass over what was judged before an interruption; only its ids must be known again."""
    for line in islice(lines, target.checkpoint.lines):
        try:
            seen.add(decode(line).conversation_id)
        except InputError:
            continue


def _write_all(
    judged: Iterator[tuple[list[Line], list[Judged]]], target: Output, seen: SeenIds
) -> None:
    """Write what was judged, a chunk at a time."""
    if not target.checkpoint.bytes:
        target.write(PREAMBLES.get(target.checkpoint.format, b""))
    for chunk, results in judged:
        for line, result in zip(chunk, results, strict=True):
            _take(line, result, seen, target)
        target.checkpoint.lines += len(chunk)
        target.save()


def _take(line: Line, result: Judged, seen: SeenIds, target: Output) -> None:
    if result.notes is None:
        target.reject(line, result.reason or "")
    elif not seen.add(result.conversation_id):
        target.reject(line, "a conversation of this id was read before")
    else:
        target.write(result.data)
        target.checkpoint.summary.add(result.notes)


def _readable(
    sources: Sources, reading: Reading, problems: list[Problem], advance: Progress | None
) -> Iterator[Line]:
    """Yield lines, and note the sources that cannot be read."""
    count = 0
    for item in units_of(sources, reading):
        if isinstance(item, Problem):
            problems.append(item)
            continue
        count += 1
        if advance is not None:
            advance.update(advance.task_ids[0], advance=len(item.raw) + 1, conversations=count)
        yield item


@contextmanager
def _progress(sources: Sources) -> Iterator[Progress | None]:
    """Show a bar with rate and remaining time, on a terminal only."""
    if not sys.stderr.isatty():
        yield None
        return
    columns = (
        SpinnerColumn(),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[conversations]} 个会话"),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console_for(sys.stderr), transient=True) as progress:
        progress.add_task("scan", total=sources.size, conversations=0)
        yield progress


def _write_table(target: Output, checker: Checker, summary: Summary) -> None:
    text = io.StringIO()
    print_summary(console_for(text, width=120), checker.policy, summary)
    target.write(text.getvalue().encode("utf-8", "replace"))


def _tell(problems: list[Problem], summary: Summary, target: Output) -> None:
    for problem in problems:
        typer.echo(str(problem), err=True)
    if summary.rejected:
        where = f"，见 {target.rejected_path}" if target.rejected_path else ""
        typer.echo(f"{summary.rejected} 行无法读取{where}", err=True)
    if summary.unnamed:
        told = f"{summary.unnamed} 个会话分不清谁是客服，可用 --agent-speaker 指定"
        typer.echo(told, err=True)
