"""``jiyu convert``: any format as canonical JSONL."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from jiyu.cli.options import AgentSpeaker, ColumnsOption, InputFormat, reading_of
from jiyu.cli.sources import STDIN, find_sources, units_of
from jiyu.errors import InputError, Problem
from jiyu.formats.canonical import decode
from jiyu.formats.speakers import Naming, by_label


def convert(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH…", help="文件、目录、通配符，或 - · files or -.")
    ],
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="F|-", help="写到哪里 · where to write.")
    ] = STDIN,
    input_format: InputFormat = None,
    columns: ColumnsOption = None,
    agent_speaker: AgentSpeaker = None,
) -> None:
    """把各种转写与聊天格式变成标准 JSONL · write any format as canonical JSONL.

    Who is the agent is written down only where the source or the user says so; ``scan`` infers the
    rest, so that scanning what was converted gives what scanning the original gives.
    """
    path = None if output == STDIN else Path(output)
    reading, naming = reading_of(input_format, columns), Naming(tuple(agent_speaker or ()))
    sources = find_sources(paths, path)
    for problem in sources.problems:
        typer.echo(str(problem), err=True)
    failed = bool(sources.problems)
    stream = sys.stdout.buffer if path is None else path.open("wb")
    try:
        for unit in units_of(sources, reading):
            try:
                if isinstance(unit, Problem):
                    raise InputError(unit)
                stream.write(msgspec.json.encode(by_label(decode(unit), naming)) + b"\n")
            except InputError as error:
                typer.echo(str(error), err=True)
                failed = True
        stream.flush()
    finally:
        if path is not None:
            stream.close()
    raise typer.Exit(2 if failed else 0)
