"""``jiyu lint``: what is wrong with a policy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jiyu.authoring.lint import lint as lint_policy
from jiyu.checker import Checker
from jiyu.errors import PolicyError, Problem
from jiyu.policy.load import load_policy, shipped_policies


def lint(
    policy: Annotated[
        Path | None,
        typer.Argument(
            help="规则目录，或装有多个规则目录的目录 · a policy, or a folder of policies."
        ),
    ] = None,
) -> None:
    """检查规则：示例、词条、条件 · find what is wrong with a policy (exit 1 if anything is)."""
    folder = policy or shipped_policies()
    single = (folder / "policy.yaml").is_file()
    folders = [folder] if single else sorted(f.parent for f in folder.glob("*/policy.yaml"))
    if not folders:
        raise PolicyError(Problem(str(folder), None, "no policy here: policy.yaml is missing"))
    count = 0
    for one in folders:
        problems = _problems(one)
        count += len(problems)
        for problem in problems:
            typer.echo(str(problem))
    typer.echo(f"{len(folders)} 套规则，{count} 个问题 · {count} problem(s)", err=True)
    raise typer.Exit(1 if count else 0)


def _problems(folder: Path) -> list[Problem]:
    try:
        return lint_policy(Checker(load_policy(folder)))
    except PolicyError as error:
        return list(error.problems)
