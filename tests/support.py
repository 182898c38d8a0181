"""Small policies and dialogues for tests."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import yaml

from jiyu import Assessment, Checker, Conversation, Turn
from jiyu.policy.load import load_policy

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"

HEADER = """
name: small
version: "1"
title: 小规范
source: 测试
categories:
  questioning: {title: 反问, clause: 一}
  evasion: {title: 推诿, clause: 二}
"""
SCORECARD = """
base: 100
caps: {evasion: 30}
repeats: [1.0, 0.5]
grades:
  - {grade: A, at_least: 90}
  - {grade: B, at_least: 0}
"""
COMMON = """
concepts:
  filler: {phrases: "{嗯|哎呀|先生}"}
  negation: {phrases: "{没有|不是}说"}
  reporting: {phrases: "您{刚才|}说"}
  reported: {phrases: "这种话"}
  polite_request: {phrases: "{请|麻烦}您"}
  remedy: {phrases: "我{帮|给}您{查|问}"}
  courtesy: {phrases: "{抱歉|谢谢您}"}
  complaint: {phrases: "{投诉|骗人}"}
"""


def rule(rule_id: str, **fields: Any) -> dict[str, Any]:
    """Return a rule with everything that a test does not care about filled in."""
    defaults: dict[str, Any] = {
        "id": rule_id,
        "title": f"规则 {rule_id}",
        "clause": "一",
        "kind": "forbid",
        "category": "questioning",
        "severity": "major",
        "deduction": 10,
    }
    return defaults | fields


def write_policy(
    folder: Path, rules: list[dict[str, Any]], concepts: dict[str, Any], **slots: str
) -> Path:
    """Write a policy folder; a concept may be given as its block of phrases alone."""
    named = {
        name: concept if isinstance(concept, dict) else {"phrases": textwrap.dedent(concept)}
        for name, concept in concepts.items()
    }
    files = {
        "policy.yaml": HEADER,
        "scorecard.yaml": SCORECARD,
        "concepts/common.yaml": COMMON,
        "concepts/own.yaml": yaml.safe_dump(
            {"slots": slots, "concepts": named}, allow_unicode=True
        ),
        "rules/own.yaml": yaml.safe_dump({"rules": rules}, allow_unicode=True),
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    return folder


def checker(
    folder: Path, rules: list[dict[str, Any]], concepts: dict[str, Any], **slots: str
) -> Checker:
    """Return a checker of a small policy."""
    return Checker(load_policy(write_policy(folder, rules, concepts, **slots)))


def dialogue(text: str) -> tuple[Turn, ...]:
    """Read ``客：…`` and ``服：…`` lines."""
    speakers = {"客": "customer", "服": "agent", "系": "system", "他": "other"}
    lines = (line.strip() for line in text.strip().splitlines())
    return tuple(Turn(line[2:], speakers[line[0]]) for line in lines)  # type: ignore[arg-type]


def assess(judge: Checker, text: str, **fields: Any) -> Assessment:
    """Judge a dialogue."""
    return judge.assess(Conversation("c", dialogue(text), **fields))


def found(judge: Checker, text: str, **fields: Any) -> list[tuple[str, str]]:
    """Return the rules broken in a dialogue, each with its words."""
    return [
        (finding.rule, "".join(span.text for span in finding.spans))
        for finding in assess(judge, text, **fields).findings
    ]
