"""What tests of several folders share: a small policy, independent of the shipped one."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from databases import database, postgres, url

__all__ = ["database", "postgres", "url"]

POLICY_FILES = {
    "policy.yaml": """
        name: test-policy
        version: "1"
        title: 测试规范
        source: 测试
        categories:
          rude: {title: 粗鲁, clause: 一、1}
          idle: {title: 推诿, clause: 一、2}
    """,
    "scorecard.yaml": """
        base: 100
        caps: {idle: 10}
        repeats: [1.0, 0.5]
        grades:
          - {grade: A, at_least: 90}
          - {grade: B, at_least: 60}
          - {grade: C, at_least: 0}
    """,
    "concepts/words.yaml": """
        slots:
          you: "{你|您}"
        concepts:
          negation: {title: 否定, phrases: 没有说}
          reporting: {title: 转述, phrases: <you>刚才说}
          remedy: {title: 补救, phrases: 帮<you>查}
          T-01: {title: 嫌客户啰嗦, phrases: 有完没完}
          T-02: {phrases: 不知道}
          T-03: {phrases: 烦死人}
          T-04: {phrases: 随便}
          T-05:
            phrases: |
              滚开
              滚蛋
          asks: {phrases: 怎么办}
          courtesy: {title: 客气, phrases: "{抱歉|谢谢}"}
    """,
    "rules/rude.yaml": """
        rules:
          - id: T-01
            title: 你有完没完?
            clause: 一、1 粗鲁
            kind: forbid
            category: rude
            severity: critical
            deduction: 20
            instead: 给您带来不便，敬请谅解。
            examples: {flags: [你有完没完], passes: [您刚才说有完没完]}
          - id: T-03
            title: 烦死人了
            clause: 一、1 粗鲁
            kind: forbid
            category: rude
            severity: major
            deduction: 10
            examples: {flags: [烦死人了], passes: [我没有说烦死人]}
          - id: T-05
            title: 滚开
            clause: 一、1 粗鲁
            kind: forbid
            category: rude
            severity: critical
            deduction: 100
            fatal: true
            examples: {flags: [你滚开], passes: [球滚到一边]}
    """,
    "rules/idle.yaml": """
        rules:
          - id: T-02
            title: 不知道
            clause: 一、2 推诿
            kind: forbid
            category: idle
            severity: minor
            deduction: 5
            says:
              - unless: [remedy]
                answers: asks
            examples:
              flags: ["客：怎么办\\n服：不知道"]
              passes: [不知道, "客：怎么办\\n服：不知道，我帮您查"]
          - id: T-04
            title: 随便
            clause: 一、2 推诿
            kind: forbid
            category: idle
            severity: info
            deduction: 1
            says:
              - fills: turn
            examples: {flags: [随便], passes: [随便看看]}
    """,
}


def write_policy(folder: Path, **changed: str) -> Path:
    """Write the small policy of the tests.

    Args:
        folder: Where to; made if need be.
        changed: Other content for files, keyed by their stem.
    """
    for name, content in POLICY_FILES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(changed.get(file.stem, content)).lstrip(), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def policy_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small policy that lints; not to be written to."""
    return write_policy(tmp_path_factory.mktemp("policy"))
