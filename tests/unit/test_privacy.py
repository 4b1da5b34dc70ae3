"""The audio rule: sound is refused under any name and in any wrapping, and ordinary annotations are not."""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.errors import AudioRefused
from sessions_app.privacy import (
    MAX_BASE64_CHARS,
    MAX_NUMBERS,
    is_audio_name,
    is_audio_text,
    refuse_audio,
)

CANARY = "Rosalind"

AUDIO_NAMES = """
    audio audio_b64 audio_base64 audio_data audio_chunk audio_url audio_anything audiobuffer raw_audio
    raw_audio_data pcm pcm16 pcm_16 pcm_s16le wav wavs wav_bytes waveform waveforms samples opus webm mp3
    mp3_url m4a ogg oga flac aac aif aiff amr wma ulaw alaw mulaw vorbis speex spectrogram mel_spectrogram
    AUDIO Audio AUDIO_DATA audioData rawAudio audioB64 PCM PCM16 pcmData WebM MP3 Opus
    audio-data Raw-Audio audio.data _audio audio_
"""
OTHER_NAMES = """
    label text subtext opus_version samples_seen wave waves wavering auditory audience inaudible pcr mp33
    ogger confidence timestamp speaker_id flat_f0_score recording sound voice speech language region detail
"""

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
)

WAV = b"RIFF\x24\x08\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0"
FILES = {
    "wav": WAV,
    "ogg": b"OggS\0\x02" + bytes(20),
    "flac": b"fLaC\0\0\0\x22" + bytes(20),
    "webm": b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81" + bytes(20),
    "mp4": b"\0\0\0\x20ftypM4A " + bytes(20),
    "id3": b"ID3\x04\0\0\0\0\0\x23" + bytes(20),
    "aiff": b"FORM\0\0\x10\0AIFFCOMM" + bytes(20),
    "aifc": b"FORM\0\0\x10\0AIFCCOMM" + bytes(20),
    "caf": b"caff\0\x01\0\0" + bytes(20),
    "amr": b"#!AMR\n" + bytes(20),
    "mp3": b"\xff\xfb\x90\x64" + bytes(60),
    "mp3 version 2": b"\xff\xf3\x84\xc4" + bytes(60),
}


def refused_at(value: object, path: str = "events[3]") -> str:
    with pytest.raises(AudioRefused) as caught:
        refuse_audio(value, path)
    (problem,) = caught.value.problems
    assert problem.code == "audio"
    assert "nothing of this request was kept" in problem.message
    assert "annotations only" in problem.message
    assert CANARY not in f"{caught.value} {caught.value.extra}"
    return problem.field


def test_privacy_limits() -> None:
    assert (MAX_BASE64_CHARS, MAX_NUMBERS) == (1024, 64)


@pytest.mark.parametrize("name", AUDIO_NAMES.split())
@pytest.mark.parametrize("value", ["x", "", [0.5], [], {"0": 1}, {}])
def test_refuse_audio_by_name(name: str, value: object) -> None:
    assert is_audio_name(name)
    assert refused_at({"label": "warm", name: value}).startswith("events[3].")


@pytest.mark.parametrize("name", OTHER_NAMES.split())
def test_refuse_audio_lets_other_names_pass(name: str) -> None:
    assert not is_audio_name(name)
    refuse_audio({name: "x"}, "events[3]")


@pytest.mark.parametrize("value", [None, True, False, 0, 1, 0.5])
@pytest.mark.parametrize("name", ["has_audio", "audio_level", "samples", "audio"])
def test_refuse_audio_lets_a_lone_measurement_pass(name: str, value: object) -> None:
    refuse_audio({name: value}, "events[3]")


@pytest.mark.parametrize(
    ("value", "path", "field"),
    [
        ({"audio": "x"}, "", "audio"),
        ({"a": {"pcm16": "x"}}, "", "a.pcm16"),
        ({"audioData": CANARY}, "events[3]", "events[3].*"),
        ({CANARY: {"wav": "x"}}, "events[3]", "events[3].*.wav"),
        ([[{"a": ["ok", {"audio": "x"}]}]], "events[3].extra", "events[3].extra[0][0].a[1].audio"),
        ({"a": ["ok", "data:audio/ogg,x"]}, "events[3]", "events[3].a[1]"),
        ("data:audio/ogg,x", "events[3].label", "events[3].label"),
        ("data:audio/ogg,x", "", "body"),
        ({"f0": [0.5] * (MAX_NUMBERS + 1)}, "events[3]", "events[3].f0"),
        ({"frames": [[0.5, 0.25]] * MAX_NUMBERS}, "events[3]", "events[3].frames"),
    ],
)
def test_refuse_audio_names_the_place(value: object, path: str, field: str) -> None:
    assert refused_at(value, path) == field


@pytest.mark.parametrize(
    "text",
    [
        "data:audio/wav;base64,AAAA",
        "data:audio",
        "DATA:Audio/ogg,x",
        " \n data:audio/mpeg;base64,",
        "data:video/webm;codecs=opus;base64,AAAA",
        "data:application/ogg;base64,AAAA",
    ],
)
def test_refuse_audio_in_a_media_url(text: str) -> None:
    assert is_audio_text(text)
    assert refused_at({"note": text}) == "events[3].note"


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("prefix", ["", "data:application/octet-stream;base64,", "data:;base64,"])
def test_refuse_audio_in_the_base64_of_an_audio_file(name: str, encode: Any, prefix: str) -> None:
    text = prefix + encode(FILES[name]).decode()
    assert is_audio_text(text)
    assert is_audio_text(text.rstrip("="))
    assert refused_at([text]) == "events[3][0]"


def test_refuse_audio_knows_every_mp3_bitrate_and_sample_rate() -> None:
    heads = [bytes([0xFF, 0xFB, rate << 4 | hertz << 2, 0]) for rate in range(1, 15) for hertz in range(3)]
    assert all(is_audio_text(base64.b64encode(head + bytes(60)).decode()) for head in heads)


@pytest.mark.parametrize(
    "head",
    [
        b"\xff\xfb\xf0\x64",  # no such bit rate
        b"\xff\xfb\x00\x64",  # free format
        b"\xff\xfb\x9c\x64",  # no such sample rate
        b"\xff\xeb\x90\x64",  # no such version
        b"\xff\xf9\x90\x64",  # no such layer
        b"\xfe\xfb\x90\x64",
        b"\xff\x1b\x90\x64",
        b"ID3\x05",
        b"FORM\0\0\x10\0ILBM",
        b"\0\0\0\x20fty_",
    ],
)
def test_refuse_audio_lets_other_base64_pass(head: bytes) -> None:
    assert not is_audio_text(base64.b64encode(head + bytes(60)).decode())


def test_refuse_audio_wants_a_longer_text_for_an_mp3_frame() -> None:
    frame = b"\xff\xfb\x90\x64" + bytes(60)
    text = base64.b64encode(frame).decode()
    assert not is_audio_text(text[:63])
    assert is_audio_text(text[:64])


@pytest.mark.parametrize("unit", ["A", "ab+/", "ab-_", "0f", ("A" * 76) + "\r\n", ("A" * 64) + "\n"])
@pytest.mark.parametrize("prefix", ["", "audio/pcm;base64,", '{"x":"', "éé "])
def test_refuse_audio_in_a_long_run_of_base64(unit: str, prefix: str) -> None:
    run = (unit * (MAX_BASE64_CHARS + 1))[: MAX_BASE64_CHARS + 1]
    assert not is_audio_text(prefix + run[:-1])
    assert is_audio_text(prefix + run)
    assert is_audio_text(prefix + run + "==")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "warm",
        "Reads as impatience, but the pitch stays flat.",
        "a" * 500,
        "one two three " * 200,
        "これは長い発話です" * 400,
        "data: clipped at the end",
        "data:text/plain,hello there, how are you",
        "4f6a1c1e-3f7e-4a53-9a51-0b9d3a5d8f10",
        "speaker_a_with_a_long_name",
        "RIFF and WAVE",
        "UklGR is how RIFF begins",
    ],
)
def test_refuse_audio_lets_ordinary_text_pass(text: str) -> None:
    assert not is_audio_text(text)
    refuse_audio({"note": text, "notes": [text]}, "events[3]")


@pytest.mark.parametrize("number", [1, -0.25])
@pytest.mark.parametrize(
    "shape",
    [
        lambda numbers: numbers,
        lambda numbers: [numbers[:32], numbers[32:]],
        lambda numbers: [[[n]] for n in numbers],
        lambda numbers: ["start", None, True, *numbers, "end"],
        lambda numbers: {str(i): n for i, n in enumerate(numbers)},
        lambda numbers: {"type": "Buffer", "data": numbers},
    ],
)
def test_refuse_audio_in_a_long_list_of_numbers(shape: Any, number: float) -> None:
    refuse_audio({"contour": shape([number] * MAX_NUMBERS)}, "events[3]")
    assert refused_at({"contour": shape([number] * (MAX_NUMBERS + 1))}).startswith("events[3].contour")


def test_refuse_audio_lets_many_small_lists_and_named_numbers_pass() -> None:
    refuse_audio([{"range": [1, 2], "mean": 3, "n": 4}] * 500, "events[3].summary")
    refuse_audio({f"score_{i}": i for i in range(500)}, "events[3].scores")
    refuse_audio([True, None, False] * 100, "events[3].flags")


@given(json_values)
def test_refuse_audio_of_any_json_raises_nothing_else(value: object) -> None:
    try:
        refuse_audio(value, "events[3]")
    except AudioRefused as error:
        assert error.problems[0].field.startswith("events[3]")  # noqa: PT017


@pytest.mark.parametrize(
    "value",
    [
        "a" * 1_048_576,
        ("a" * MAX_BASE64_CHARS + " ") * 1000,
        " " * 1_048_576,
        "=" * 1_048_576,
        "\n" * 1000 + "data:" * 200_000,
        {"A" * 1_000_000: "x"},
        {"aA" * 500_000: "x"},
        {"_" * 1_000_000: "x"},
        [""] * 350_000,
        [[]] * 350_000,
        [{"a": ""}] * 100_000,
    ],
    ids=range(11),
)
def test_refuse_audio_gets_through_the_largest_body(value: object) -> None:
    """About a tenth of a second each; work that grew with the square of the size would not come to an end."""
    with suppress(AudioRefused):
        refuse_audio(value, "events[3]")
