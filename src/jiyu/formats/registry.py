"""All formats: which one a source is in, and its conversations.

This is the one place that knows every reader, and so it is loaded only where a source is no plain
canonical JSONL (``intake``).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import Any, BinaryIO, NamedTuple

import msgspec

from jiyu.errors import InputError
from jiyu.formats import (
    aliyun,
    azure,
    chatwoot,
    contactlens,
    funasr,
    google,
    rocketchat,
    tencent,
    tingwu,
    transcribe,
    vcon,
    wechat,
    wecom,
    whisperx,
)
from jiyu.formats.build import documents
from jiyu.formats.canonical import CANONICAL, Line, is_canonical, read_lines
from jiyu.formats.chats import SESSION_GAP, messages
from jiyu.formats.csvtext import csv_rows, delimiter_of
from jiyu.formats.encoding import encoding_of
from jiyu.formats.jsonsource import Json, look, records
from jiyu.formats.reading import Reading
from jiyu.formats.source import Fault, Read, Record, Source, refused
from jiyu.formats.subtitles import is_srt, is_vtt, read_subtitles
from jiyu.formats.tables import read_table
from jiyu.formats.workbook import is_parquet, is_xlsx, parquet_rows, xlsx_rows


class JsonFormat(NamedTuple):
    """A format whose records are JSON objects."""

    recognises: Callable[[Any], bool]
    read: Callable[..., Read]


#: No two of them recognise the same object, except that SenseVoice is FunASR with more in it.
JSON_FORMATS: dict[str, JsonFormat] = {
    "transcribe": JsonFormat(transcribe.is_transcribe, documents(transcribe.read_transcribe)),
    "contact-lens": JsonFormat(
        contactlens.is_contact_lens, documents(contactlens.read_contact_lens)
    ),
    "google": JsonFormat(google.is_google, documents(google.read_google)),
    "azure-batch": JsonFormat(azure.is_azure_batch, documents(azure.read_azure_batch)),
    "azure-conversation": JsonFormat(
        azure.is_azure_conversation, documents(azure.read_azure_conversation)
    ),
    "aliyun": JsonFormat(aliyun.is_aliyun, documents(aliyun.read_aliyun)),
    "tingwu": JsonFormat(tingwu.is_tingwu, documents(tingwu.read_tingwu)),
    "tencent": JsonFormat(tencent.is_tencent, documents(tencent.read_tencent)),
    "whisperx": JsonFormat(whisperx.is_whisperx, documents(whisperx.read_whisperx)),
    "sensevoice": JsonFormat(funasr.is_sensevoice, documents(funasr.read_funasr)),
    "funasr": JsonFormat(funasr.is_funasr, documents(funasr.read_funasr)),
    "vcon": JsonFormat(vcon.is_vcon, documents(vcon.read_vcon)),
    "wecom": JsonFormat(wecom.is_wecom, messages(wecom.read_wecom, SESSION_GAP)),
    "wechat-kf": JsonFormat(wechat.is_wechat_kf, messages(wechat.read_wechat_kf, SESSION_GAP)),
    "wechat-mp": JsonFormat(wechat.is_wechat_mp, messages(wechat.read_wechat_mp, SESSION_GAP)),
    "chatwoot": JsonFormat(chatwoot.is_chatwoot, messages(chatwoot.read_chatwoot)),
    "rocketchat": JsonFormat(rocketchat.is_rocketchat, documents(rocketchat.read_rocketchat)),
}
TEXT_FORMATS = ("vtt", "srt", "csv", "tsv")
BINARY_FORMATS = ("xlsx", "parquet")
#: Every name that ``--input-format`` takes.
NAMES = (CANONICAL, *JSON_FORMATS, *TEXT_FORMATS, *BINARY_FORMATS)
_LINE_SUFFIXES = (".jsonl", ".ndjson")
_DELIMITERS = {"csv": ",", "tsv": "\t"}


class _Found(NamedTuple):
    """A format, and what was learned of the source on the way."""

    name: str
    json: Json | None = None


def units_of(source: Source, how: Reading) -> Iterator[Line]:
    """Yield the conversations of a source as lines to be decoded.

    Raises:
        InputError: It cannot be read at all.
    """
    source = as_text(source, how)
    found = detect(source, how)
    if found.name == CANONICAL:
        yield from _canonical(source, found)
        return
    for one in _read(source, found, how):
        if isinstance(one, Fault):
            yield Line(source.name, one.number, b"", one.message)
        else:
            yield Line(source.name, one.number, msgspec.json.encode(one.conversation))


def _canonical(source: Source, found: _Found) -> Iterator[Line]:
    """Yield the lines of a canonical source, or the conversations of one that is a document."""
    if found.json is None or found.json.lines:
        yield from read_lines(source.open(), source.name)
        return
    for one in records(source, found.json):
        if isinstance(one, Record):
            yield Line(source.name, one.number, msgspec.json.encode(one.value))


def as_text(source: Source, how: Reading) -> Source:
    """Return the source with its text as UTF-8; what is no text stays as it is."""
    head = source.peek()
    if how.format in BINARY_FORMATS or is_xlsx(head) or is_parquet(head):
        return source
    codec = encoding_of(head)
    return source if codec == "utf-8" else source.recoded(codec)


def format_of(stream: BinaryIO, name: str, how: Reading) -> str:
    """Return the name of the format that a stream is in.

    Raises:
        InputError: It is none of those known.
    """
    return detect(as_text(Source(stream, name), how), how).name


def detect(source: Source, how: Reading) -> _Found:
    """Tell a format by the beginning of a source.

    Raises:
        InputError: It is none of those known, or not the one that was asked for.
    """
    name = how.format or _without_json(source, how)
    if name is not None and name != CANONICAL and name not in JSON_FORMATS:
        return _Found(name)
    try:
        layout = look(source)
    except InputError:
        if _is_by_line(source, how):
            # Every line of it will be told to be none.
            return _Found(CANONICAL)
        if how.format is None and not _begins_like_json(source.peek()):
            raise refused(_UNKNOWN) from None
        raise
    name = name or next(filter(None, map(recognised, layout.sample)), None)
    if name is None and not _is_by_line(source, how):
        raise refused(_UNKNOWN)
    return _Found(name, layout) if name else _Found(CANONICAL)


def _without_json(source: Source, how: Reading) -> str | None:
    """Return the format of a source if it is none of those made of JSON."""
    head = source.peek()
    if is_xlsx(head):
        return "xlsx"
    if is_parquet(head):
        return "parquet"
    text = head.decode("utf-8", "replace").removeprefix("\ufeff")
    if is_vtt(text):
        return "vtt"
    if _begins_like_json(head):
        return None
    if is_srt(text):
        return "srt"
    delimiter = delimiter_of(text, how.columns)
    return None if delimiter is None else "tsv" if delimiter == "\t" else "csv"


def _begins_like_json(head: bytes) -> bool:
    return head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")


def _is_by_line(source: Source, how: Reading) -> bool:
    """Say whether a source is taken for canonical lines even if none of them is one."""
    named = source.name == "-" or source.name.casefold().endswith(_LINE_SUFFIXES)
    blank = not source.peek().strip()
    return how.format == CANONICAL or (how.format is None and (named or blank))


_UNKNOWN = "in no format that jiyu knows (--input-format names one)"


def recognised(value: Any) -> str | None:
    """Return the format that a value is a record of."""
    if not isinstance(value, dict):
        return None
    if is_canonical(value):
        return CANONICAL
    for name, form in JSON_FORMATS.items():
        # A recogniser looks at objects of any shape; one that it trips over is none of its own.
        with contextlib.suppress(TypeError, AttributeError, KeyError, IndexError):
            if form.recognises(value):
                return name
    return None


def _read(source: Source, found: _Found, how: Reading) -> Read:
    name = _stem(source.name)
    if found.name in ("vtt", "srt"):
        return read_subtitles(source, name)
    if found.name in _DELIMITERS:
        text = source.peek().decode("utf-8", "replace")
        delimiter = delimiter_of(text, how.columns) or _DELIMITERS[found.name]
        return read_table(csv_rows(source, delimiter), name, how.columns)
    if found.name == "xlsx":
        return read_table(xlsx_rows(source, how.columns), name, how.columns)
    if found.name == "parquet":
        return read_table(parquet_rows(source), name, how.columns)
    return JSON_FORMATS[found.name].read(records(source, found.json or look(source)), name)


def _stem(name: str) -> str:
    """Return what a conversation without an id is called: its file, without the ending."""
    return "stdin" if name == "-" else PurePath(name).with_suffix("").as_posix()
