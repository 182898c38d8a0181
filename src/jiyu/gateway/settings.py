"""What the gateway can be told: flags before environment before a file.

Each setting ``name`` is ``--name`` on the command line, ``JIYU_NAME`` in the environment and
``name`` in the file that ``--config`` names (TOML).
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from jiyu.errors import InputError, Problem

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw]?)")
#: Holds all settings for the worker processes, which get nothing else from their parent.
_HANDED_DOWN = "JIYU_SETTINGS"


def seconds(value: object) -> object:
    """Read ``90d``, ``12h``, ``30m``, ``45s`` or plain seconds; what is none of it stays.

    Raises:
        ValueError: The text is no duration.
    """
    if not isinstance(value, str):
        return value
    found = _DURATION.fullmatch(value.strip())
    if found is None:
        raise ValueError("not a duration such as 90d, 12h, 30m or 45s")
    return float(found[1]) * _UNITS[found[2] or "s"]


Duration = Annotated[float, BeforeValidator(seconds), Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(gt=0)]


class Settings(BaseSettings):
    """All settings of ``jiyu serve``.

    Attributes:
        db: URL of the store; may hold a password and is never shown.
        policy: Folder of the policy; the shipped one if left out.
        insecure_local: No key is needed from this machine; refused unless ``host`` is loopback.
        body_limit: Bytes of a request's body.
        policy_limit: The same for a policy that is uploaded.
        text_limit: Characters of one message or turn.
        turns_limit: Turns of one conversation.
        sockets_limit: WebSockets and event streams that one key may hold open in one process.
        rate: Requests a second that one key may make of one process, ``burst`` at once: a program
            that asks about every message of a company.
        reader_rate: The same for those who only read: agents, reviewers, supervisors.
        retain: How long conversations are kept; for ever if left out.
        retain_journal: How long what recognisers took back is kept after the end.
        idle: Seconds without a word after which a live conversation is closed.
        open_metrics: Whether ``/metrics`` needs no key.
        webhook_private: Whether webhooks may go to private addresses, and without TLS.
        metrics_dir: Where worker processes put their figures for each other.
    """

    model_config = SettingsConfigDict(
        env_prefix="JIYU_", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    host: str = "127.0.0.1"
    port: int = Field(default=8600, ge=0, le=65535)
    workers: Count = 1
    db: str = Field(default="sqlite:///jiyu.db", repr=False)
    policy: Path | None = None
    insecure_local: bool = False
    body_limit: Count = 2_000_000
    policy_limit: Count = 8_000_000
    text_limit: Count = 20_000
    turns_limit: Count = 5_000
    sockets_limit: Count = 2_000
    rate: float = Field(default=20_000.0, gt=0)
    burst: Count = 40_000
    reader_rate: float = Field(default=100.0, gt=0)
    reader_burst: Count = 500
    retain: Duration | None = None
    retain_journal: Duration | None = None
    idle: Duration = 1800.0
    heartbeat: Duration = 15.0
    open_metrics: bool = False
    webhook_private: bool = False
    webhook_timeout: Duration = 10.0
    metrics_dir: Path | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_requests: bool = True

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - given by name
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Leave out what is not documented: .env files and folders of secrets."""
        return init_settings, env_settings

    @classmethod
    def from_env(cls) -> Settings:
        """Return what ``to_env`` has put there; read the environment as usual if it has not."""
        handed = os.environ.get(_HANDED_DOWN)
        return load() if handed is None else cls(**json.loads(handed))

    def to_env(self) -> None:
        """Hand all settings to processes that are started from now on."""
        os.environ[_HANDED_DOWN] = self.model_dump_json()

    @property
    def loopback(self) -> bool:
        """Whether nobody but this machine can reach the server."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def load(config: Path | None = None, **flags: Any) -> Settings:
    """Gather the settings.

    Args:
        config: The file.
        flags: From the command line; ``None`` was not given.

    Raises:
        InputError: Everything that is wrong, without the values.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    filed = {} if config is None else _file(config)
    # What stands in the environment goes before the file.
    environment = EnvSettingsSource(Settings)()
    try:
        return Settings(**(filed | environment | given))
    except ValidationError as error:
        raise InputError(*(_problem(detail) for detail in error.errors())) from None


def _file(config: Path) -> dict[str, Any]:
    try:
        read = TomlConfigSettingsSource(Settings, config)()
    except OSError as error:
        raise InputError(Problem(str(config), None, error.strerror or "no such file")) from None
    except ValueError:
        raise InputError(Problem(str(config), None, "not TOML")) from None
    if not config.is_file():
        raise InputError(Problem(str(config), None, "no such file"))
    unknown = sorted(read.keys() - Settings.model_fields.keys())
    if unknown:
        raise InputError(*(Problem(str(config), None, f"unknown: {name}") for name in unknown))
    return read


def _problem(detail: Any) -> Problem:
    return Problem(f"--{str(detail['loc'][0]).replace('_', '-')}", None, detail["msg"])
