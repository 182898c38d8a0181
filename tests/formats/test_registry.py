"""Every format is recognised by its content, told from all others, read to the same dialogue."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiyu.errors import InputError, Problem
from jiyu.formats.canonical import Line, decode
from jiyu.formats.intake import read_units
from jiyu.formats.reading import Reading
from jiyu.formats.registry import JSON_FORMATS, NAMES, format_of
from jiyu.formats.times import epoch
from reading import conversations, faults, read
from samples import BEGIN, ENDS, ROLES, SAID, SAMPLES, STARTS, Sample, dumped
from support import SHARED

each_sample = pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: f"{s.form}-{s.name}")
REAL = SHARED / "formats"


@each_sample
def test_format_is_told_by_content(sample: Sample) -> None:
    """The name of a file does not matter."""
    assert format_of(io.BytesIO(sample.data), "no.name", Reading()) == sample.form


@each_sample
def test_no_other_reader_claims_it(sample: Sample) -> None:
    """All samples × all recognisers: only its own says yes (SenseVoice is FunASR too)."""
    if sample.form not in JSON_FORMATS:
        return
    values = sample.value if isinstance(sample.value, list) else [sample.value]
    for value in values:
        claimed = {name for name, form in JSON_FORMATS.items() if _claims(form, value)}
        assert claimed - {"funasr" if sample.form == "sensevoice" else ""} == {sample.form}


def _claims(form: Any, value: Any) -> bool:
    try:
        return bool(form.recognises(value))
    except (TypeError, AttributeError, KeyError, IndexError):
        return False


@each_sample
def test_dialogue_is_the_same_in_every_format(sample: Sample) -> None:
    """Words, order, speakers and times come out alike."""
    (found,) = conversations(sample.data, f"calls/{sample.name}")
    assert found.conversation_id == (sample.conversation_id or f"calls/{sample.name[0]}")
    assert tuple(t.text for t in found.turns) == SAID
    if sample.labels is None:
        assert tuple(t.speaker for t in found.turns) == ROLES
    else:
        assert {t.speaker for t in found.turns} == {"other"}
        assert tuple(t.metadata["speaker_label"] for t in found.turns) == sample.labels
    if sample.chat:
        times = [epoch(t.at or "") for t in found.turns]
        assert times == [BEGIN + int(s) for s in STARTS]
        assert found.channel == "chat"
    elif sample.timed:
        assert tuple(t.start for t in found.turns) == STARTS
        if sample.form != "transcribe":
            assert tuple(t.end for t in found.turns) == ENDS
    if sample.form != "canonical":
        assert ("timestamps" in (found.capabilities or ())) is sample.timed


@each_sample
def test_forcing_the_format_changes_nothing(sample: Sample) -> None:
    """``--input-format`` with the right name reads the same."""
    forced = read(sample.data, sample.name, Reading(sample.form))
    assert forced == read(sample.data, sample.name)


@each_sample
@pytest.mark.parametrize("form", NAMES)
def test_forcing_a_wrong_format_never_raises(sample: Sample, form: str) -> None:
    """All samples × all readers: a wrong one gives faults or nothing, and no traceback."""
    for unit in read(sample.data, sample.name, Reading(form)):
        if isinstance(unit, Line) and not unit.fault:
            try:
                decode(unit)
            except InputError:
                assert form == "canonical"


@pytest.mark.parametrize(
    "codec", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"]
)
@pytest.mark.parametrize("sample", [s for s in SAMPLES if s.form not in ("xlsx", "parquet")],
                         ids=lambda s: f"{s.form}-{s.name}")  # fmt: skip
def test_every_text_format_in_every_encoding(sample: Sample, codec: str) -> None:
    """With and without a byte order mark, the text is the same."""
    data = sample.data.decode().encode(codec)
    assert [c.turns for c in conversations(data, sample.name)] == [
        c.turns for c in conversations(sample.data, sample.name)
    ]


@pytest.mark.parametrize("sample", [s for s in SAMPLES if s.form in ("csv", "tsv", "vtt", "srt")],
                         ids=lambda s: s.form)  # fmt: skip
def test_big5(sample: Sample) -> None:
    """Files from Taiwan and Hong Kong, which have no marks."""
    traditional = dict(zip("货还没结编号话时间户么开内", "貨還沒結編號話時間戶麼開內", strict=True))
    text = sample.data.decode().translate(str.maketrans(traditional))
    (found,) = conversations(text.encode("big5"), sample.name)
    assert [t.text for t in found.turns] == [t.translate(str.maketrans(traditional)) for t in SAID]


@each_sample
def test_half_a_file_is_told_or_read(sample: Sample) -> None:
    """A file cut short anywhere gives conversations or places with reasons, never words."""
    for cut in range(1, len(sample.data), max(1, len(sample.data) // 23)):
        for unit in read(sample.data[:cut], sample.name):
            told = unit.message if isinstance(unit, Problem) else unit.fault
            assert not any(word in told for word in ("完没完", "物流", "货"))


@given(st.binary(max_size=400), st.sampled_from((None, *NAMES)))
@settings(max_examples=400, deadline=None)
def test_any_bytes_are_read_or_refused(data: bytes, form: str | None) -> None:
    """Whatever a file holds, whatever it is said to be, nothing is raised."""
    for unit in read(data, "x.json", Reading(form)):
        assert isinstance(unit, (Line, Problem))


_VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 10**13)
    | st.floats()
    | st.sampled_from(["", "1", "秘密"]),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@given(st.data())
@settings(max_examples=500, deadline=None)
def test_right_keys_with_wrong_values_are_refused(data: st.DataObject) -> None:
    """Any part of a right document may be anything; what is said of it names no value."""
    sample = data.draw(st.sampled_from([s for s in SAMPLES if s.form in JSON_FORMATS]))
    value = sample.value
    place, key = None, None
    for _ in range(data.draw(st.integers(1, 6))):
        inner = value if place is None else place[key]
        keys = (
            list(inner)
            if isinstance(inner, dict)
            else list(range(len(inner)))
            if isinstance(inner, list)
            else []
        )
        if not keys:
            break
        place, key = inner, data.draw(st.sampled_from(keys))
    if place is not None:
        place[key] = data.draw(_VALUE)
    for unit in read(json.dumps(value).encode(), "x.json", Reading(sample.form)):
        told = unit.message if isinstance(unit, Problem) else unit.fault
        assert "秘密" not in told
        if isinstance(unit, Line) and not unit.fault:
            decode(unit)


def test_broken_lines_are_told_and_the_rest_is_read() -> None:
    """One record a line: each broken one has its line, and even the first may be broken."""
    first, *rest = next(s for s in SAMPLES if s.form == "wecom").data.splitlines()
    units = read(b"\n".join([b"{oops", first, b'"text"', *rest]), "in.jsonl")
    told = [(u.number, u.fault) for u in units if isinstance(u, Line) and u.fault]
    assert told[0][0] == 1
    assert told[0][1].startswith("not JSON")
    assert told[1:] == [(3, "not an object")]
    (good,) = [decode(u) for u in units if isinstance(u, Line) and not u.fault]
    assert tuple(turn.text for turn in good.turns) == SAID


def test_place_in_a_document_is_told() -> None:
    """A wrong value has its path, through lists of documents too."""
    google = next(s for s in SAMPLES if s.form == "google").value
    google["results"][1]["alternatives"] = 7
    message = "Expected `array`, got `int` - at `$.results[1].alternatives`"
    assert faults(dumped(google)) == [(None, message)]
    told = faults(dumped([google]))
    assert told == [(1, message.replace("$", "$[0]"))]


def test_line_of_broken_json_is_told() -> None:
    """A document that is no JSON says in which line."""
    ((line, message),) = faults(b'{\n "segments": [\n  {"start": 0, "text" 1}\n]}')
    assert line == 3
    assert message.startswith("not JSON")


def test_nesting_is_bounded() -> None:
    """A document of a hundred thousand brackets is one message."""
    told = faults(b'{"segments":[{"start":0,"text":"x","z":' + b"[" * 100_000)
    assert [message for _, message in told] == ["nested too deeply"]
    told = faults(b"[" * 100_000, "in.json")
    assert len(told) == 1


@pytest.mark.parametrize(
    "data", [b"\x89PNG\r\n\x1a\n\0\0\0", b"hello", b'{"a":1}', b"\0" * 999, b"[]"]
)
def test_unknown_content_is_one_problem(data: bytes) -> None:
    """A file in no known format is told once, with the way out."""
    ((line, message),) = faults(data, "x.json")
    assert line is None
    assert "--input-format" in message or "not JSON" in message


def test_huge_line_costs_no_more_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line without an end in a document is refused and not read to its end."""
    import jiyu.formats.source as module

    monkeypatch.setattr(module, "MAX_DOCUMENT_BYTES", 1_000_000)

    class Endless(io.RawIOBase):
        given = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            buffer[:] = b"x" * len(buffer)
            Endless.given += len(buffer)
            return len(buffer)

    stream = io.BufferedReader(Endless())
    (unit,) = read_units(stream, "x.json", Reading())
    assert isinstance(unit, Problem)
    assert Endless.given < 80 * 2**20


def test_stream_that_cannot_seek_is_read() -> None:
    """Through a pipe, every format is the same."""
    for sample in SAMPLES:
        inner, outer = os.pipe()
        with open(outer, "wb") as sink:  # noqa: PTH123 - a descriptor
            sink.write(sample.data)
        with open(inner, "rb") as stream:  # noqa: PTH123
            units = list(read_units(stream, sample.name, Reading()))
        assert units == read(sample.data, sample.name)


@pytest.mark.skipif(not REAL.exists(), reason="the shared samples are not here")
@pytest.mark.parametrize(
    ("folder", "forms"),
    [
        ("aws", {"transcribe", "contact-lens"}),
        ("azure", {"azure-conversation"}),
        ("vcon", {"vcon"}),
    ],
)
def test_real_files_are_read(folder: str, forms: set[str]) -> None:
    """Published samples of the formats' owners give conversations with words in them."""
    for path in sorted((REAL / folder).glob("*.json")):
        with path.open("rb") as stream:
            assert format_of(stream, path.name, Reading()) in forms
        (found,) = conversations(path.read_bytes(), path.name)
        assert any(turn.text for turn in found.turns)


@pytest.mark.skipif(not REAL.exists(), reason="the shared samples are not here")
def test_real_subtitles_are_read_and_damaged_ones_told() -> None:
    """Of the published subtitles, only what is damaged is told, with its line."""
    told = {
        path.name: faults(path.read_bytes(), path.name)
        for path in (REAL / "vtt").iterdir()
        if path.suffix in (".vtt", ".srt")
    }
    assert {name: found for name, found in told.items() if found} == {
        "invalid_timeframe.vtt": [(6, "the times of the cue cannot be read")],
        "invalid_format1.srt": [(None, "in no format that jiyu knows (--input-format names one)")],
    }
    assert Path(REAL / "vtt").exists()
