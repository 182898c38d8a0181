"""Judges a policy that somebody has uploaded, in a process of its own.

``python -m jiyu.gateway.validate FOLDER`` writes one line of JSON: its name, version and digest, or
everything that is wrong with it.  To compile a policy and run its examples takes seconds, in which
the server would judge nobody; and whatever a policy may do to a process, it does to this one.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec

from jiyu.authoring.examples import failing_examples, missing_examples
from jiyu.checker import Checker
from jiyu.errors import PolicyError, Problem
from jiyu.model import PolicyRef
from jiyu.policy.load import load_policy

#: Seconds; the shipped policy takes six.
_PATIENCE = 120.0


class Validated(msgspec.Struct, frozen=True):
    """What came out.

    Attributes:
        ref: ``None`` if it cannot be used.
        problems: Place and message of all that is wrong.
    """

    ref: PolicyRef | None
    problems: list[tuple[str, int | None, str]]


def validated(folder: Path) -> Validated:
    """Read a policy and run its examples; places are told within its folder."""
    try:
        checker = Checker(load_policy(folder))
        problems = [*missing_examples(checker.policy), *failing_examples(checker)]
    except PolicyError as error:
        problems = list(error.problems)
    if problems:
        return Validated(None, [_told(problem, folder) for problem in problems])
    return Validated(checker.policy.ref, [])


async def validate(folder: Path) -> PolicyRef:
    """Validate a policy beside this process.

    Raises:
        PolicyError: Everything that is wrong with it.
    """
    command = (sys.executable, "-m", "jiyu.gateway.validate", str(folder))
    pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=nothing)
    try:
        answer, _ = await asyncio.wait_for(process.communicate(), _PATIENCE)
    except TimeoutError:
        raise PolicyError(Problem("policy", None, "takes too long to judge by")) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise PolicyError(Problem("policy", None, "cannot be judged by"))
    found = msgspec.json.decode(answer, type=Validated)
    if found.ref is None:
        raise PolicyError(*(Problem(*problem) for problem in found.problems))
    return found.ref


def _told(problem: Problem, folder: Path) -> tuple[str, int | None, str]:
    prefix = f"{folder}/"
    source = problem.source.removeprefix(prefix)
    source = "policy" if source == str(folder) else source
    return source, problem.line, problem.message.replace(prefix, "")


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(validated(Path(sys.argv[1]))))
