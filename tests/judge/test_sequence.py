"""Things said in order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support import checker, found, rule

CONCEPTS = {"no": "不对", "shop": "促销", "again": "我问的是"}
NO: dict[str, Any] = {"steps": [{"concept": "no"}], "times": 3}


@pytest.mark.parametrize(
    ("fields", "text", "words"),
    [
        (NO, "服：不对\n客：对\n服：不对\n客：对\n服：不对", ["不对不对不对"]),
        (NO, "服：不对\n客：对\n服：不对", []),
        (NO, "服：不对，不对，不对", []),
        (NO, "服：不对\n服：不对\n服：不对", ["不对不对不对"]),
        (NO | {"alternating": True}, "服：不对\n服：不对\n服：不对", []),
        (NO | {"within": 4}, "服：不对\n客：对\n服：不对\n客：对\n服：不对", []),
        (NO | {"within": 5}, "服：不对\n客：对\n服：不对\n客：对\n服：不对", ["不对不对不对"]),
        (NO, "客：不对\n服：对\n客：不对\n服：对\n客：不对", []),
        (
            {"steps": [{"concept": "shop"}, {"concept": "again", "speaker": "customer"}]},
            "服：有促销\n客：我问的是运费",
            ["促销我问的是"],
        ),
        (
            {"steps": [{"concept": "shop"}, {"concept": "again", "speaker": "customer"}]},
            "客：我问的是运费\n服：有促销",
            [],
        ),
    ],
)
def test_steps_count_in_order_and_each_in_a_turn_of_its_own(
    tmp_path: Path, fields: dict[str, Any], text: str, words: list[str]
) -> None:
    """All steps are the evidence of one finding."""
    judge = checker(tmp_path, [rule("A-1", kind="sequence", **fields)], CONCEPTS)
    assert [said for _, said in found(judge, text)] == words


def test_a_sequence_goes_on_behind_the_one_before(tmp_path: Path) -> None:
    """Six contradictions are two disputes."""
    judge = checker(tmp_path, [rule("A-1", kind="sequence", **NO)], CONCEPTS)
    assert len(found(judge, "\n".join(["服：不对", "客：对"] * 6))) == 2
