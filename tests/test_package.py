"""What is installed."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import jiyu

ROOT = Path(__file__).resolve().parent.parent


def test_the_wheel_brings_the_policy_along(tmp_path: Path) -> None:
    """An installed jiyu can judge without a checkout."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory"]
    subprocess.run([*command, str(tmp_path)], cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    subprocess.run(
        [sys.executable, "-m", "zipfile", "-e", str(wheel), str(tmp_path / "installed")], check=True
    )
    names = zipfile.ZipFile(wheel).namelist()
    assert "jiyu/lexicons/sankeshu-logistics/policy.yaml" in names
    assert "jiyu/py.typed" in names
    code = "from jiyu.policy.load import load_policy; print(load_policy().header.name)"
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "installed")},
        check=True,
        capture_output=True,
        text=True,
    )
    assert result.stdout.strip() == "sankeshu-logistics"


def test_the_root_namespace_is_small() -> None:
    """What users import, and nothing else."""
    assert sorted(jiyu.__all__) == [
        "Assessment",
        "Checker",
        "Conversation",
        "Policy",
        "Session",
        "Turn",
    ]
