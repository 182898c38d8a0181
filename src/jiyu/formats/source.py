"""Where a format's reader gets its bytes from, and what it hands back.

Text reaches every reader as UTF-8.  What cannot be decoded stays as the bytes it was, so that the
one line or record that holds it is refused, and not the file.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

from jiyu.errors import InputError, Problem
from jiyu.model import Conversation

#: As much of a file is looked at to tell its encoding and its format.
HEAD_BYTES = 256 * 1024
#: A larger document, or one line of it, is no transcript: four hours of words are about 16 MB.
MAX_DOCUMENT_BYTES = 64 * 1024 * 1024
_BOM = codecs.BOM_UTF8


class Fault(NamedTuple):
    """A piece of input that cannot be read: line, row or record number, if any, and reason."""

    number: int | None
    message: str


class Unit(NamedTuple):
    """One conversation and the line, row or record that it begins at, if the format has those."""

    number: int | None
    conversation: Conversation


class Record(NamedTuple):
    """One value of a JSON source; ``path`` is where it stands in the document."""

    number: int | None
    path: str
    value: Any


Read = Iterator[Unit | Fault]


def refused(message: str, number: int | None = None) -> InputError:
    """Return an error whose source will be filled in by whoever knows it."""
    return InputError(Problem("", number, message))


class Source:
    """A stream whose beginning can be looked at before it is read."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.name = name
        self._stream = stream
        self._seen = b""
        self._ended = False

    def peek(self, size: int = HEAD_BYTES) -> bytes:
        """Return at least so many bytes of the beginning, or all there are."""
        while len(self._seen) < size and not self._ended:
            more = self._stream.read(size - len(self._seen))
            self._ended = not more
            self._seen += more
        return self._seen

    @property
    def complete(self) -> bool:
        """Whether everything has been looked at; known after a ``peek``."""
        return self._ended

    def first_line(self, limit: int = MAX_DOCUMENT_BYTES) -> bytes | None:
        """Return the first line that is not blank; ``None`` if it is longer than the limit."""
        size = HEAD_BYTES
        while True:
            seen = self.peek(size)
            text = seen.removeprefix(_BOM).lstrip()
            line, end, _ = text.partition(b"\n")
            if end or self._ended:
                return line.strip()
            if len(seen) > limit:
                return None
            size = min(size * 4, limit + 1)

    def open(self) -> BinaryIO:
        """Return the stream from its beginning; to be called once."""
        if not self._seen:
            return self._stream
        if self._stream.seekable():
            self._stream.seek(0)
            self._seen = b""
            return self._stream
        return io.BufferedReader(_Replayed(self._seen, self._stream), HEAD_BYTES)

    def whole(self) -> bytes:
        """Return everything.

        Raises:
            InputError: It is too large to be one document.
        """
        data = self.peek(MAX_DOCUMENT_BYTES + 1)
        if len(data) > MAX_DOCUMENT_BYTES:
            size = MAX_DOCUMENT_BYTES >> 20
            raise refused(f"larger than {size} MB in one piece; a record a line may be any number")
        return data.removeprefix(_BOM)

    def recoded(self, codec: str) -> Source:
        """Return the same text as UTF-8."""
        return Source(io.BufferedReader(_Recoded(self.open(), codec), HEAD_BYTES), self.name)


class _Raw(io.RawIOBase):
    """A read-only stream that is made of pieces."""

    def __init__(self) -> None:
        self._left = b""

    def readable(self) -> bool:
        """Say that it is."""
        return True

    def _next(self) -> bytes:
        raise NotImplementedError

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with what is left of a piece, or with the beginning of the next."""
        self._left = self._left or self._next()
        size = min(len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size


class _Replayed(_Raw):
    """Bytes that were read before, and those behind them."""

    def __init__(self, seen: bytes, rest: BinaryIO) -> None:
        super().__init__()
        self._left, self._rest = seen, rest

    def _next(self) -> bytes:
        return self._rest.read(HEAD_BYTES)


class _Recoded(_Raw):
    """Text of another encoding as UTF-8; undecodable bytes stay what they are."""

    def __init__(self, stream: BinaryIO, codec: str) -> None:
        super().__init__()
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(codec)("surrogateescape")
        self._ended = False

    def _next(self) -> bytes:
        text = ""
        while not text and not self._ended:
            data = self._stream.read(HEAD_BYTES)
            self._ended = not data
            try:
                text = self._decoder.decode(data, self._ended)
            except UnicodeDecodeError:
                # Half a character at the end of UTF-16 or UTF-32, or a code point out of range.
                return b"" if self._ended else b"\xff"
        try:
            return text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            # A lone surrogate that stands for no byte.
            return text.encode("utf-8", "replace")
