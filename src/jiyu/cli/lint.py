"""``jiyu lint``: what is wrong with a policy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from jiyu.authoring.lint import lint as lint_policy
from jiyu.checker import Checker
from jiyu.errors import PhraseError, PolicyError, Problem
from jiyu.match.phrase import parse
from jiyu.policy.load import load_policy, shipped_policies
from jiyu.policy.schema import Policy


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
        policy = load_policy(folder)
    except PolicyError as error:
        return list(error.problems)
    return list(_malformed(policy)) or lint_policy(Checker(policy))


def _malformed(policy: Policy) -> Iterator[Problem]:
    """Yield the phrases that cannot be read, each at its line."""
    for name, concept in policy.concepts.items():
        for phrase in (*concept.phrases, *concept.exceptions):
            try:
                parse(phrase, policy.slots)
            except PhraseError as error:
                # The fault may lie in a slot that the phrase names.
                for problem in error.problems:
                    message = f"{name}: {problem.message}: {problem.source}"
                    yield Problem(*policy.phrase_place(name, phrase), message)
