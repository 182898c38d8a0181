"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
