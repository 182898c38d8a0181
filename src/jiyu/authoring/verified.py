"""Remember which policies have passed their own examples, so that each is run once."""

from __future__ import annotations

import hashlib
from importlib import metadata
from pathlib import Path

import platformdirs

from jiyu.authoring.examples import failing_examples
from jiyu.checker import Checker
from jiyu.errors import PolicyError


def require_examples(checker: Checker) -> None:
    """Refuse a policy whose examples fail; a digest that has passed before passes at once.

    Raises:
        PolicyError: Every example that does not come out as its rule says.
    """
    marker = _marker(checker.policy.digest)
    if marker.exists():
        return
    problems = list(failing_examples(checker))
    if problems:
        raise PolicyError(*problems)
    try:
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()
    except OSError:
        # A read-only home costs the time of running the examples again, nothing else.
        return


def _marker(digest: str) -> Path:
    """Name the file that says so: other code of jiyu may judge the same policy otherwise."""
    package = Path(__file__).resolve().parent.parent
    code = hashlib.sha256(metadata.version("jiyu").encode())
    for file in sorted(package.rglob("*.py")):
        stat = file.stat()
        code.update(f"{file.name}:{stat.st_size}:{stat.st_mtime_ns}".encode())
    cache = platformdirs.user_cache_path("jiyu", appauthor=False)
    return cache / "verified" / f"{digest}-{code.hexdigest()[:16]}"
