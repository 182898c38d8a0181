"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jiyu.errors import InputError, Problem
from jiyu.formats.columns import Columns, load_columns
from jiyu.formats.reading import Reading
from jiyu.model import Severity

PolicyOption = Annotated[
    Path | None,
    typer.Option("--policy", metavar="DIR", help="规则目录；默认用自带的规范 · policy folder."),
]

FailOn = Annotated[
    Severity | None,
    typer.Option(
        "--fail-on",
        help="有不低于此程度的违规时以 1 退出 · exit 1 on findings at least so severe.",
    ),
]

InputFormat = Annotated[
    str | None,
    typer.Option(
        "--input-format",
        metavar="NAME",
        help="输入格式；默认按内容识别 · form of the input, told by content if left out.",
    ),
]

ColumnsOption = Annotated[
    Path | None,
    typer.Option(
        "--columns",
        metavar="FILE",
        help="表格各列的含义（YAML） · what the columns of tables hold.",
    ),
]

AgentSpeaker = Annotated[
    list[str] | None,
    typer.Option(
        "--agent-speaker",
        metavar="LABEL",
        help="来源里客服的标号或声道，可多次 · label or channel of the agent; may be repeated.",
    ),
]


def reading_of(input_format: str | None, columns: Path | None) -> Reading:
    """Return how input is to be read.

    Raises:
        InputError: There is no such format, or the file of columns cannot be read.
    """
    if input_format is not None:
        # Only who asks for a format needs to have all of them loaded.
        from jiyu.formats.registry import NAMES  # noqa: PLC0415

        if input_format not in NAMES:
            known = ", ".join(NAMES)
            raise InputError(Problem("--input-format", None, f"not one of {known}"))
    return Reading(input_format, Columns() if columns is None else load_columns(columns))
