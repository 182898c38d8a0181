"""A running gateway ."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gatewaying import Server, Serving


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    """Start servers; those that still run at the end are ended."""
    started: list[Server] = []

    def serve(url: str, policy: Path | None, *options: str) -> Server:
        folder = tmp_path / f"server-{len(started)}"
        folder.mkdir()
        server = Server(url, policy, folder, *options)
        started.append(server)
        server.start()
        return server

    yield serve
    for server in started:
        server.end()
