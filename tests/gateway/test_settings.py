"""Flags before environment before file, and what is wrong is said without the value."""

from __future__ import annotations

from pathlib import Path

import pytest

from jiyu.errors import InputError
from jiyu.gateway.settings import Settings, load, seconds


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"JIYU_{name.upper()}", raising=False)
    monkeypatch.delenv("JIYU_SETTINGS", raising=False)


def write(folder: Path, text: str) -> Path:
    file = folder / "jiyu.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_what_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each from the highest place that has it."""
    config = write(tmp_path, 'port = 1\nworkers = 2\nretain = "90d"\nidle = 60\n')
    monkeypatch.setenv("JIYU_PORT", "2")
    monkeypatch.setenv("JIYU_HOST", "::1")
    found = load(config, host="localhost", db=None)
    assert (found.host, found.port, found.workers) == ("localhost", 2, 2)
    assert (found.retain, found.idle) == (90 * 86400.0, 60.0)
    assert found.db == "sqlite:///jiyu.db"


def test_workers_get_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it, through the environment."""
    found = load(write(tmp_path, 'policy = "p"'), retain="2h", db="postgresql://u:pw@h/d")
    monkeypatch.setenv("JIYU_SETTINGS", "")
    found.to_env()
    assert Settings.from_env() == found
    assert "pw@" not in repr(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90d", 7776000), ("12h", 43200), ("1.5m", 90), ("45s", 45), ("45", 45), ("2w", 1209600)],
)
def test_durations(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    ("content", "flags", "says"),
    [
        ('nonsense = 1\n"有完没完" = 2', {}, "unknown: nonsense"),
        ("port = ", {}, "not TOML"),
        ("", {"port": 99999}, "--port"),
        ("", {"retain": "soon"}, "--retain"),
        ("", {"retain": "-1d"}, "--retain"),
        ("", {"body_limit": 0}, "--body-limit"),
        ("", {"log_level": "loud"}, "--log-level"),
        ('db = ["secret"]', {}, "--db"),
    ],
)
def test_what_is_wrong_is_said(
    tmp_path: Path, content: str, flags: dict[str, object], says: str
) -> None:
    """With the name of the setting."""
    with pytest.raises(InputError, match=says) as error:
        load(write(tmp_path, content), **flags)
    assert "secret" not in str(error.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Was meant to be."""
    with pytest.raises(InputError, match="no such file"):
        load(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104
        ("::", False),
        ("192.168.0.1", False),
        ("localhost.example.com", False),
        ("", False),
    ],
)
def test_loopback(host: str, loopback: bool) -> None:
    """Only what nobody else can reach."""
    assert Settings(host=host).loopback == loopback
