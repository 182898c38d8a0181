"""Where a scan writes to, so that it can be killed at any time and taken up again.

Beside the output file stands ``F.resume.json``, written after each chunk and removed at the end:
how far the input was read and how long the output was then.  What stands behind that length when a
scan is taken up again was written by half a chunk, and is cut off.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import typer

from jiyu.cli.show import Summary
from jiyu.errors import InputError, Problem
from jiyu.formats.canonical import Line


class Checkpoint(msgspec.Struct):
    """How far a scan has come, and what it was a scan of."""

    sources: tuple[str, ...]
    policy: str
    format: str
    reading: str = ""
    lines: int = 0
    bytes: int = 0
    rejected_bytes: int = 0
    summary: Summary = msgspec.field(default_factory=Summary)


#: A scan can only be taken up with what it was begun with.
_SAME = ("sources", "policy", "format", "reading")


class Output:
    """The output of one scan: data, rejected lines, checkpoint."""

    def __init__(self, path: Path | None, checkpoint: Checkpoint, *, resume: bool) -> None:
        """Open the output; ``None`` is standard output, which cannot be taken up again.

        Raises:
            InputError: The output cannot be written, or is that of another scan.
        """
        if path is not None and path.exists() and not path.is_file():
            raise InputError(Problem(str(path), None, "is not a regular file"))
        self.path = path
        self.checkpoint = checkpoint
        self._resume_file = path and path.with_name(path.name + ".resume.json")
        self._rejected: BinaryIO | None = None
        if resume:
            self._take_up()
        try:
            self._data = self._opened(path, self.checkpoint.bytes) if path else sys.stdout.buffer
        except OSError as error:
            raise InputError(Problem(str(path), None, error.strerror or "cannot write")) from None
        self.save()

    @staticmethod
    def _opened(path: Path, length: int) -> BinaryIO:
        if length and path.stat().st_size < length:
            raise InputError(Problem(str(path), None, "shorter than the interrupted scan left it"))
        stream = path.open("r+b" if length else "wb")
        stream.truncate(length)
        stream.seek(length)
        return stream

    @property
    def rejected_path(self) -> Path | None:
        """Where lines go that are no conversations."""
        return self.path and self.path.with_name(self.path.name + ".rejected.jsonl")

    def _take_up(self) -> None:
        if self._resume_file is None or not self._resume_file.exists():
            return
        try:
            saved = msgspec.json.decode(self._resume_file.read_bytes(), type=Checkpoint)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise InputError(Problem(str(self._resume_file), None, "damaged")) from None
        ours = self.checkpoint
        if any(getattr(saved, name) != getattr(ours, name) for name in _SAME):
            message = "belongs to a scan of other input, another policy or another format"
            raise InputError(Problem(str(self._resume_file), None, message))
        self.checkpoint = saved

    def write(self, data: bytes) -> None:
        """Write data of one conversation."""
        self._data.write(data)
        self.checkpoint.bytes += len(data)

    def reject(self, line: Line, reason: str) -> None:
        """Set a line aside with its place and the reason."""
        self.checkpoint.summary.rejected += 1
        if self.rejected_path is None:
            typer.echo(str(Problem(line.source, line.number, reason)), err=True)
            return
        if self._rejected is None:
            self._rejected = self._opened(self.rejected_path, self.checkpoint.rejected_bytes)
        record: dict[str, Any] = {"source": line.source, "line": line.number, "reason": reason}
        record["raw"] = line.raw.decode("utf-8", "backslashreplace")
        data = msgspec.json.encode(record) + b"\n"
        self._rejected.write(data)
        self.checkpoint.rejected_bytes += len(data)

    def save(self) -> None:
        """Make everything written so far last, then say how far that was."""
        self._flush()
        if self._resume_file is not None:
            fresh = self._resume_file.with_name(self._resume_file.name + ".new")
            fresh.write_bytes(msgspec.json.encode(self.checkpoint))
            os.replace(fresh, self._resume_file)  # noqa: PTH105 - atomic, on Windows too

    def _flush(self) -> None:
        self._data.flush()
        if self._rejected is not None:
            self._rejected.flush()

    def finish(self) -> None:
        """Close everything; there is nothing left to take up."""
        # Not saved: a checkpoint behind a table would have it written twice.
        self._flush()
        if self.path is not None:
            self._data.close()
        if self._rejected is not None:
            self._rejected.close()
        elif self.rejected_path is not None and not self.checkpoint.rejected_bytes:
            # Left over from an earlier scan into the same file: it would tell of lines now read.
            self.rejected_path.unlink(missing_ok=True)
        if self._resume_file is not None:
            self._resume_file.unlink(missing_ok=True)


class SeenIds:
    """The ids met so far, on disk, so that memory does not grow with the input."""

    def __init__(self) -> None:
        # An empty name is a temporary database that vanishes with its connection.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN;"
            "CREATE TABLE seen (id TEXT PRIMARY KEY) WITHOUT ROWID"
        )

    def add(self, conversation_id: str) -> bool:
        """Take in an id; return whether it is new."""
        cursor = self._database.execute("INSERT OR IGNORE INTO seen VALUES (?)", (conversation_id,))
        return cursor.rowcount == 1

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()
