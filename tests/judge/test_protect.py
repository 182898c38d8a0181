"""Personal data: who may say whose."""

from __future__ import annotations

from pathlib import Path

import pytest

from support import assess, checker, rule

CONCEPTS = {"own": "您{的|留}", "others": "{王总|另一位客户}", "public": "{热线|仓库}"}
FIELDS = {
    "kind": "protect",
    "data": ["mobile", "landline", "address", "id_number"],
    "unlabelled": ["mobile", "id_number"],
    "own": "own",
    "others": "others",
    "public": "public",
}
PHONE, SPOKEN = "13800138000", "幺三八零零一三八零零零"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"服：王总电话是{PHONE}", "violation"),
        (f"服：另一位客户的手机 {SPOKEN}", "violation"),
        (f"服：您打{PHONE}吧", "violation"),
        (f"服：您留的是{PHONE}对吗", "pass"),
        (f"客：我是{PHONE}\n服：{PHONE}，记下了", "pass"),
        (f"客：我是{SPOKEN}\n服：尾号八零零零，{PHONE}", "pass"),
        (f"服：{PHONE}，记下了\n客：我是{PHONE}", "violation"),
        (f"服：仓库电话是{PHONE}", "pass"),
        (f"客：仓库电话多少\n服：{PHONE}", "pass"),
        (f"客：王总电话多少\n服：{PHONE}", "violation"),
        (f"客：王总电话是{PHONE}\n服：好的", "pass"),
        ("服：请您留下电话", "pass"),
        ("服：客服电话0591-87654321", "pass"),
        ("服：王总电话0591-87654321", "violation"),
        ("服：热线是400-800-1234", "pass"),
        ("服：王总的号码是［已脱敏］", "not_assessable"),
        ("服：王总***", "not_assessable"),
        (f"他：王总电话是{PHONE}", "not_assessable"),
    ],
)
def test_whose_data_it_is_decides(tmp_path: Path, text: str, expected: str) -> None:
    """Somebody else's must not be told, the customer's own may be confirmed."""
    judge = checker(tmp_path, [rule("A-1", **FIELDS)], CONCEPTS)
    assert assess(judge, text).verdicts[0].verdict == expected


def test_the_number_is_the_evidence_and_never_in_the_explanation(tmp_path: Path) -> None:
    """A log of findings does not repeat what was disclosed."""
    judge = checker(tmp_path, [rule("A-1", **FIELDS)], CONCEPTS)
    (finding,) = assess(judge, f"服：王總的電話：{PHONE}，請記一下").findings
    assert [span.text for span in finding.spans] == [PHONE]
    assert "138" not in finding.explanation
