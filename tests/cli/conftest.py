"""Run the real ``jiyu`` in a process of its own."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jiyu.cli import main


@dataclass(frozen=True)
class Result:
    """How a run of ``jiyu`` ended."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()


@dataclass(frozen=True)
class Jiyu:
    """The installed command, with a working directory and an environment of its own."""

    command: str
    policy: Path
    cwd: Path
    env: Mapping[str, str]

    def argv(self, name: str, *args: str | Path, policy: Path | None = None) -> list[str]:
        own = name in {"lint", "policy", "convert"}  # no policy, or as an argument
        chosen = [] if own else ["--policy", str(policy or self.policy)]
        return [self.command, name, *chosen, *map(str, args)]

    def __call__(
        self, name: str, *args: str | Path, stdin: bytes = b"", policy: Path | None = None
    ) -> Result:
        done = subprocess.run(
            self.argv(name, *args, policy=policy),
            input=stdin,
            capture_output=True,
            cwd=self.cwd,
            env=self.env,
            check=False,
            timeout=120,
        )
        return Result(done.returncode, done.stdout, done.stderr.decode())

    def inside(self, name: str, *args: str | Path, policy: Path | None = None) -> Result:
        """Run a command in this process, which is quick."""
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.argv", self.argv(name, *args, policy=policy))
            patch.setattr("sys.stdout", out)
            patch.setattr("sys.stderr", err)
            patch.chdir(self.cwd)
            patch.setenv("XDG_CACHE_HOME", self.env["XDG_CACHE_HOME"])
            patch.delenv("FORCE_COLOR", raising=False)
            with pytest.raises(SystemExit) as left:
                main()
        out.flush()
        err.flush()
        code = left.value.code
        assert isinstance(code, int)
        return Result(code, out.buffer.getvalue(), err.buffer.getvalue().decode())  # type: ignore[attr-defined]

    def start(self, *args: str | Path, **options: Any) -> subprocess.Popen[bytes]:
        """Start a command without waiting for it."""
        argv = self.argv(*args)
        return subprocess.Popen(argv, cwd=self.cwd, env=self.env, **options)


@pytest.fixture(scope="session")
def _environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    unwanted = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "PYTHONIOENCODING"}
    env = {name: value for name, value in os.environ.items() if name not in unwanted}
    env["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    return env | {"PYTHONUTF8": "1", "TERM": "xterm-256color"}


@pytest.fixture
def jiyu(tmp_path: Path, policy_dir: Path, _environment: dict[str, str]) -> Jiyu:
    """The command, run in ``tmp_path`` with the tests' own policy."""
    command = shutil.which("jiyu", path=str(Path(sys.executable).parent))
    assert command, "jiyu is not installed beside this interpreter"
    return Jiyu(command, policy_dir, tmp_path, _environment)
