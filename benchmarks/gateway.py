"""Measure the gateway beside an echo server of the same stack, in the same run.

Both are real processes: ``jiyu serve``, and a server that answers each request or frame with a
fixed body of like size, through the same middleware-free Starlette, uvicorn, uvloop and httptools.
The load comes from this process over loopback.  How many findings must come out is known and
asserted.

    python benchmarks/gateway.py [--seconds 5] [--connections 16] [--policy DIR]

Figures of the machine matter little; the ratios do.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import msgspec
from websockets.asyncio.client import connect

from jiyu import Checker, Conversation, Session
from jiyu.gateway.messages import Message, judged
from jiyu.model import Segment
from jiyu.policy.load import load_policy

EXAMPLES = Path(__file__).resolve().parent.parent / "examples" / "calls.jsonl"
ECHO = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
async def post(request):
    await request.body()
    return Response(b'{"decision":"allow","findings":[],"suggestion":null}',
                    media_type="application/json")
async def live(socket):
    await socket.accept()
    n = 0
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        n += 1
        await socket.send({"type": "websocket.send", "text": '{"type":"ack","seq":%d}' % n})
app = Starlette(routes=[Route("/v1/messages", post, methods=["POST"]),
                        WebSocketRoute("/v1/live", live), Route("/healthz", post)])
uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", ws="websockets-sansio",
            ws_per_message_deflate=False, log_level="warning", access_log=False)
"""


class Result:
    """What one server did with one kind of load."""

    def __init__(self, times: list[float], seconds: float, each: int = 1) -> None:
        times.sort()
        self.rate = len(times) * each / seconds
        self.p50 = times[len(times) // 2] * 1e3
        self.p99 = times[int(len(times) * 0.99)] * 1e3

    def line(self, name: str, echo: Result | None = None) -> str:
        """Say it in a line, with the ratio to the echo if there is one."""
        ratio = "" if echo is None else f"   {self.rate / echo.rate:5.2f} of the echo"
        return f"{name:34}{self.rate:9,.0f}/s{self.p50:9.2f}{self.p99:9.2f} ms{ratio}"


def texts() -> list[str]:
    """What agents say in the examples."""
    lines = EXAMPLES.read_bytes().splitlines()
    calls = [msgspec.json.decode(line, type=Conversation) for line in lines]
    return [turn.text for call in calls for turn in call.turns if turn.speaker == "agent"]


async def posting(port: int, bodies: list[bytes], seconds: float, connections: int) -> Result:
    """Keep connections busy with one POST at a time each; raw, as a client costs more than that."""
    times: list[float] = []
    end = time.perf_counter() + seconds

    async def one(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        at = number
        while time.perf_counter() < end:
            body = bodies[at % len(bodies)]
            at += connections
            begun = time.perf_counter()
            writer.write(
                b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json"
                b"\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
            )
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            await reader.readexactly(length)
            times.append(time.perf_counter() - begun)
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(one(n) for n in range(connections)))
    return Result(times, time.perf_counter() - begun)


async def streaming(
    port: int, lines: Callable[[int], Iterator[str]], seconds: float, sockets: int, depth: int
) -> tuple[Result, list[dict[str, Any]], list[int]]:
    """Keep so many lines under way on each socket.

    Returns:
        The times, what came besides acknowledgements, and how many lines each socket has sent.
    """
    counts = [0] * sockets
    times: list[float] = []
    others: list[dict[str, Any]] = []
    end = time.perf_counter() + seconds

    async def one(number: int) -> None:
        sent: dict[int, float] = {}
        room = asyncio.Semaphore(depth)
        acked = last = 0
        async with connect(f"ws://127.0.0.1:{port}/v1/live", proxy=None, compression=None) as ws:

            async def hear() -> None:
                nonlocal acked
                while True:
                    frame = json.loads(await ws.recv())
                    if frame["type"] != "ack":
                        others.append(frame)
                        continue
                    now = time.perf_counter()
                    while acked < frame["seq"]:
                        acked += 1
                        times.append(now - sent.pop(acked))
                        room.release()

            hearing = asyncio.create_task(hear())
            for last, line in enumerate(lines(number), 1):
                await room.acquire()
                sent[last] = time.perf_counter()
                await ws.send(f'{{"seq":{last},{line}')
                if time.perf_counter() > end:
                    break
            while acked < last:
                assert not hearing.done(), hearing.exception()
                await asyncio.sleep(0.001)
            hearing.cancel()
            counts[number] = last

    begun = time.perf_counter()
    await asyncio.gather(*(one(n) for n in range(sockets)))
    return Result(times, time.perf_counter() - begun), others, counts


def live_lines(spoken: list[str], prefix: str) -> Callable[[int], Iterator[str]]:
    """Return for a socket the final segments of ever new calls of twenty turns each."""

    def lines(number: int) -> Iterator[str]:
        call = 0
        while True:
            call += 1
            for i in range(20):
                line = {
                    "conversation_id": f"{prefix}-{number}-{call}",
                    "segment_id": f"s{i}",
                    "speaker": "agent" if i % 2 else "customer",
                    "text": spoken[(call * 20 + i) % len(spoken)],
                    "final": True,
                }
                yield json.dumps(line, ensure_ascii=False)[1:]

    return lines


def alerts_of(checker: Checker, lines: Callable[[int], Iterator[str]], counts: list[int]) -> int:
    """Count the alerts that so many lines of each socket lead to, without a server."""
    alerts = 0
    for number, count in enumerate(counts):
        sessions: dict[str, Session] = {}
        for line in islice(lines(number), count):
            said = json.loads("{" + line)
            name = said.pop("conversation_id")
            session = sessions.setdefault(name, checker.open(name))
            alerts += len(session.feed(Segment(**said)))
    return alerts


def started(command: list[str], port: int) -> subprocess.Popen[bytes]:
    """Start a server and wait for it."""
    process = subprocess.Popen(command)
    for _ in range(600):
        try:
            if httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).is_success:
                return process
        except httpx.HTTPError:
            time.sleep(0.1)
        assert process.poll() is None
    raise AssertionError("the server does not start")


def bodies_of(spoken: list[str], checker: Checker) -> tuple[list[bytes], int]:
    """Return a body a text, and how many findings there are in all of them."""
    found = sum(len(judged(checker, Message(text), ()).findings) for text in spoken)
    return [json.dumps({"text": t}, ensure_ascii=False).encode() for t in spoken], found


def main() -> None:
    """Load both servers in the same ways and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--policy", type=Path)
    options = parser.parse_args()
    checker = Checker(load_policy(options.policy))
    spoken = texts()
    bodies, expected = bodies_of(spoken, checker)
    with tempfile.TemporaryDirectory() as folder:
        serve = [sys.executable, "-m", "jiyu", "serve", "--db", f"sqlite:///{folder}/store.db"]
        serve += ["--insecure-local", "--port", "8791", "--log-level", "warning"]
        serve += [] if options.policy is None else ["--policy", str(options.policy)]
        os.environ |= {"JIYU_RATE": "1e9", "JIYU_BURST": "1000000000", "JIYU_LOG_REQUESTS": "false"}
        servers = [started([sys.executable, "-c", ECHO, "8792"], 8792), started(serve, 8791)]
        try:
            measure(options, checker, bodies, expected, spoken)
        finally:
            for server in servers:
                server.terminate()
                server.wait(30)


def measure(
    options: argparse.Namespace,
    checker: Checker,
    bodies: list[bytes],
    expected: int,
    spoken: list[str],
) -> None:
    """Print the figures."""
    messages = json.dumps({"messages": [json.loads(body) for body in bodies]}).encode()
    answer = httpx.post(
        "http://127.0.0.1:8791/v1/messages", content=messages, trust_env=False, timeout=60
    ).json()
    found = sum(len(result["findings"]) for result in answer["results"])
    assert found == expected, (found, expected)
    print(f"{len(bodies)} messages, {found} findings, as many as without a server\n")
    print(f"{'':34}{'':11}{'p50':>9}{'p99':>9}")

    async def both(load: Callable[[int], Awaitable[Any]]) -> tuple[Any, Any]:
        return await load(8792), await load(8791)

    for connections in (1, options.connections):
        load = partial(posting, bodies=bodies, seconds=options.seconds, connections=connections)
        echo, ours = asyncio.run(both(load))
        print(echo.line(f"POST echo, {connections} connections"))
        print(ours.line("POST judged", echo))
    for sockets, depth in ((1, 1), (4, 64)):
        # Names of conversations that nobody has used yet.
        lines = live_lines(spoken, f"{sockets}x{depth}")
        load = partial(
            streaming, lines=lines, seconds=options.seconds, sockets=sockets, depth=depth
        )
        echo, ours = asyncio.run(both(load))
        print(echo[0].line(f"WS echo, {sockets} sockets, depth {depth}"))
        print(ours[0].line("WS judged and durable", echo[0]))
        alerts, expected = len(ours[1]), alerts_of(checker, lines, ours[2])
        assert alerts == expected, (alerts, expected)
        print(f"{'':34}{alerts:9,} alerts, as many as without a server")


if __name__ == "__main__":
    main()
