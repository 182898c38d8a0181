"""``jiyu serve``: the gateway."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from jiyu.cli.options import PolicyOption
from jiyu.errors import JiyuError, Problem


class ServeError(JiyuError):
    """The server could not start."""


def serve(
    policy: PolicyOption = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="设置文件（TOML） · file of settings.")
    ] = None,
    db: Annotated[
        str | None, typer.Option(metavar="URL", help="数据库 · sqlite:///FILE or postgresql://….")
    ] = None,
    host: Annotated[str | None, typer.Option(help="监听地址 · address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="端口 · port; 0 takes a free one.")] = None,
    workers: Annotated[int | None, typer.Option(help="进程数 · processes.")] = None,
    insecure_local: Annotated[
        bool | None,
        typer.Option("--insecure-local", help="本机无需密钥 · no key needed, loopback only."),
    ] = None,
    retain: Annotated[
        str | None, typer.Option(metavar="90d", help="保存多久 · keep conversations so long.")
    ] = None,
    idle: Annotated[
        str | None,
        typer.Option(metavar="30m", help="静默多久后结束会话 · close when idle so long."),
    ] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning, error.")] = None,
) -> None:
    """启动网关：消息预检、实时会话、提醒 · the gateway, HTTP and WebSocket."""
    with _extra():
        from jiyu.gateway.running import run  # noqa: PLC0415 - the extra need not be installed
        from jiyu.gateway.settings import load  # noqa: PLC0415

    flags: dict[str, Any] = {
        "policy": policy,
        "db": db,
        "host": host,
        "port": port,
        "workers": workers,
        "insecure_local": insecure_local,
        "retain": retain,
        "idle": idle,
        "log_level": log_level,
    }
    settings = load(config, **flags)
    with contextlib.ExitStack() as stack:
        if settings.workers > 1 and settings.metrics_dir is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="jiyu-metrics-"))
            settings = settings.model_copy(update={"metrics_dir": Path(folder)})
        if not run(settings):
            raise typer.Exit(2)


@contextlib.contextmanager
def _extra() -> Iterator[None]:
    """Say which extra is missing rather than which module."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("jiyu"):
            raise
        raise ServeError(
            Problem("jiyu serve", None, "needs: pip install 'jiyu[gateway]'")
        ) from None
