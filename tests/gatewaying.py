"""A real server process, and a client of live conversations that does not give up."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import websockets
from websockets.asyncio.client import ClientConnection, connect

from jiyu import Conversation, Turn
from jiyu.model import Facts

Line = dict[str, Any]


class Server:
    """``jiyu serve`` on a free port of this machine; started anew as often as one likes."""

    def __init__(
        self, url: str, policy: Path | None, folder: Path, *options: str, secure: bool = False
    ) -> None:
        self._command = [sys.executable, "-m", "jiyu", "serve", "--db", url]
        if not secure:
            self._command.append("--insecure-local")
        if policy is not None:
            self._command += ["--policy", str(policy)]
        self._command += ["--log-level", "warning", *options]
        self._log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def live(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1/live"

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def start(self, patience: float = 60.0) -> None:
        """Start, and wait until it answers; the port stays the same."""
        before = len(self.log) if self._log.exists() else 0
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command, "--port", str(self.port)], stdout=log, stderr=log
            )
        end = time.monotonic() + patience
        while time.monotonic() < end:
            assert self._process.poll() is None, self.log[before:]
            said = self.log[before:]
            if "jiyu http://" in said:
                self.port = int(said.partition("jiyu http://")[2].split()[0].rpartition(":")[2])
                with contextlib.suppress(httpx.HTTPError):
                    if httpx.get(f"{self.http}/healthz", trust_env=False).status_code == 200:
                        return
            time.sleep(0.02)
        raise AssertionError(self.log[before:])

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def kill_worker(self) -> None:
        """End one of its worker processes as a power cut would."""
        assert self._process is not None
        listing = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        for child in listing.read_text(encoding="utf-8").split():
            command = Path(f"/proc/{child}/cmdline").read_bytes()
            if b"spawn_main" in command:
                os.kill(int(child), signal.SIGKILL)
                return
        raise AssertionError("no worker")

    def stop(self) -> int:
        """Ask it to end, and wait until it has."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(30)

    def end(self) -> None:
        """Be sure that it is gone."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return httpx.get(f"{self.http}{path}", trust_env=False, timeout=20, **options)

    def post(self, path: str, body: Any, **options: Any) -> httpx.Response:
        return httpx.post(f"{self.http}{path}", json=body, trust_env=False, timeout=20, **options)

    def delete(self, path: str) -> httpx.Response:
        return httpx.delete(f"{self.http}{path}", trust_env=False, timeout=20)


Serving = Callable[..., Server]


class Client:
    """Sends lines over one socket, and after a loss again from the last acknowledgement.

    Attributes:
        alerts: Every alert, as it came.
        closed: The last message of each conversation.
        errors: Lines that were set aside.
        connects: How often it had to connect.
    """

    def __init__(self, server: Server, lines: Iterable[Line]) -> None:
        self._server = server
        self.lines = [{"seq": n, **line} for n, line in enumerate(lines, 1)]
        self.acked = 0
        self.alerts: list[Line] = []
        self.closed: dict[str, Any] = {}
        self.closings: Counter[str] = Counter()
        self.errors: list[Line] = []
        self.connects = 0

    async def run(self, pause: float = 0.0, upto: int | None = None) -> None:
        """Send everything and wait until the last line is acknowledged."""
        last = len(self.lines) if upto is None else upto
        while self.acked < last:
            try:
                async with connect(self._server.live, proxy=None, compression=None) as socket:
                    self.connects += 1
                    await self._serve(socket, pause, last)
            except (OSError, websockets.WebSocketException, EOFError):
                await asyncio.sleep(0.05)

    async def _serve(self, socket: ClientConnection, pause: float, last: int) -> None:
        sending = asyncio.create_task(self._send(socket, pause, last))
        try:
            while self.acked < last:
                self.take(json.loads(await socket.recv()))
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def _send(self, socket: ClientConnection, pause: float, last: int) -> None:
        for line in self.lines[self.acked : last]:
            await socket.send(json.dumps(line, ensure_ascii=False))
            if pause:
                await asyncio.sleep(pause * random.random())

    def take(self, frame: Line) -> None:
        """Note what the server says."""
        match frame["type"]:
            case "ack":
                assert frame["seq"] >= self.acked
                self.acked = frame["seq"]
            case "closed":
                name = frame["assessment"]["conversation_id"]
                self.closed[name] = frame["assessment"]
                self.closings[name] += 1
            case "error":
                self.errors.append(frame)
            case _:
                self.alerts.append(frame)


def cut(conversation: Conversation, chance: random.Random, *, revisions: bool) -> Iterator[Line]:
    """Yield a conversation as a recogniser sends it: growing, revised, then final."""
    name = conversation.conversation_id
    facts = {k: getattr(conversation, k) for k in Facts.__struct_fields__ if k != "events"}
    ending = {k: facts.pop(k) for k in ("ended_at", "ended_by")}
    yield {"conversation_id": name, "open": {k: v for k, v in facts.items() if v is not None}}
    for event in conversation.events:
        yield {"conversation_id": name, "event": msgspec.to_builtins(event)}
    for number, turn in enumerate(conversation.turns):
        said = msgspec.to_builtins(turn)
        texts = [
            turn.text[: chance.randint(0, len(turn.text))] for _ in range(chance.randint(0, 3))
        ]
        for revision, text in enumerate([*texts, turn.text]):
            line = {"conversation_id": name, "segment_id": f"s{number}", **said, "text": text}
            line["final"] = revision == len(texts)
            yield line | ({"revision": revision} if revisions else {})
    closing = {k: v for k, v in ending.items() if v is not None}
    yield {"conversation_id": name, "close": True, **closing}


def interleaved(
    conversations: Iterable[Conversation], chance: random.Random, *, revisions: bool = True
) -> list[Line]:
    """Return the lines of many conversations, mixed at random."""
    left = [list(cut(c, chance, revisions=revisions))[::-1] for c in conversations]
    lines = []
    while left:
        some = chance.choice(left)
        lines.append(some.pop())
        if not some:
            left.remove(some)
    return lines


_AGENT = [
    "你有完没完",
    "烦死人了",
    "不知道",
    "随便",
    "我帮您查一下",
    "好的，抱歉",
    "您刚才说有完没完",
]
_CUSTOMER = ["怎么办", "我的货呢", "你烦死人了", "谢谢"]


def calls(
    count: int, chance: random.Random, prefix: str = "k", turns: int = 8
) -> list[Conversation]:
    """Return made-up calls under the small policy of the tests."""
    return [
        Conversation(
            f"{prefix}-{number}",
            tuple(
                Turn(
                    chance.choice(_CUSTOMER if i % 2 == 0 else _AGENT),
                    speaker="customer" if i % 2 == 0 else "agent",
                    start=float(i),
                    end=i + 0.9,
                )
                for i in range(chance.randint(1, turns))
            ),
            channel="phone",
            agent_id=f"A{number % 3}",
            team="物流一组",
        )
        for number in range(count)
    ]


def repeated(alerts: Iterable[Line]) -> list[Any]:
    """Return what was told more than once."""
    ids = Counter(alert["alert_id"] for alert in alerts)
    return [alert_id for alert_id, n in ids.items() if n > 1]


def plain(value: Any) -> Any:
    """Return an assessment as its JSON reads."""
    return json.loads(msgspec.json.encode(value))


def kills() -> int:
    """How often the server is killed; more with ``JIYU_KILLS``."""
    return int(os.environ.get("JIYU_KILLS", "6"))
