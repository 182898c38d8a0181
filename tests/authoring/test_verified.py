"""Policies are run through their own examples before they judge anybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from jiyu.authoring import verified
from jiyu.errors import PolicyError
from support import checker, rule


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_a_policy_whose_examples_fail_is_refused(tmp_path: Path) -> None:
    """All failing examples are named."""
    examples = {"flags": ["好的", "行"], "passes": ["有完没完"]}
    judge = checker(tmp_path, [rule("A-1", examples=examples)], {"A-1": "有完没完"})
    with pytest.raises(PolicyError) as caught:
        verified.require_examples(judge)
    assert len(caught.value.problems) == 3


def test_the_examples_of_a_digest_are_run_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second scan with the same policy does not pay for them again."""
    examples = {"flags": ["有完没完"], "passes": ["好"]}
    judge = checker(tmp_path, [rule("A-1", examples=examples)], {"A-1": "有完没完"})
    verified.require_examples(judge)

    def refuse(_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(verified, "failing_examples", refuse)
    verified.require_examples(judge)
