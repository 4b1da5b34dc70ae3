"""The audio rule: a request that carries audio is refused whole (E-PRIVACY-001), and nothing of it is kept.

Audio is known by its name (``audio_b64``, ``pcm16``), by its first bytes (RIFF, Ogg, ``data:audio``), and by
its shape (a long run of base64, or of numbers). This catches an honest client's mistake. A client that
disguises sound gains nothing: only the fields of the allow-list are stored, and each of them is short.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass

from sessions_app.errors import AudioRefused, FieldProblem
from sessions_app.jsonbody import member_path

MAX_BASE64_CHARS = 1024
"""A longer run of base64 in a string, its line breaks included, is taken for audio."""

MAX_NUMBERS = 64
"""More numbers than this in one list, lists inside it included, are taken for samples."""

_MESSAGE = "must not carry audio: nothing of this request was kept; send annotations only"

# Words that mean sound wherever they stand in a name: `raw_audio`, `audioData`, `pcm16`, `wav_bytes`.
_AUDIO_WORD = re.compile(
    r"(?:^|_)(?:audio[a-z0-9]*|pcm[a-z0-9]*|waveforms?|wavs?|mp3|m4a|flac|ogg|aac|aiff?|spectrograms?)(?:_|$)"
)
# Words that mean sound only when they are the whole name: `opus_version` or `samples_seen` may be anything.
_AUDIO_NAMES = frozenset({"alaw", "amr", "mulaw", "oga", "opus", "samples", "speex", "ulaw", "vorbis", "webm", "wma"})
_CAMEL_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SEPARATOR = re.compile(r"[^a-z0-9]+")

SHORTEST_AUDIO_TEXT = len("data:audio")
# A quick answer for nearly all text: neither a URL with data in it nor an unbroken run of base64.
_PERHAPS_AUDIO = re.compile(r"\s*data:|[A-Za-z0-9+/_-]{16}", re.IGNORECASE)
_DATA_URL = re.compile(r"\s*data:(?P<audio>audio|video|application/ogg)?[^,]{0,128},?", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-\r\n]+={0,2}")
_BASE64_HEAD = re.compile(r"[A-Za-z0-9+/_-]{16,64}")
_URL_SAFE_TO_STANDARD = str.maketrans("-_", "+/")

# RIFF (WAV), Ogg, FLAC, EBML (WebM, Matroska), Core Audio, AMR; MP4 and AIFF are recognised further in.
_MAGIC = (b"RIFF", b"OggS", b"fLaC", b"\x1a\x45\xdf\xa3", b"caff", b"#!AMR")
_MP3_HEAD_CHARS = 64
_ID3_NEWEST_VERSION = 4


@dataclass(slots=True)
class _Run:
    """The numbers seen so far in one outermost list, and where that list is."""

    path: str
    numbers: int = 0


def refuse_audio(value: object, path: str) -> None:
    """Check a JSON value as ``read_object`` gives it, whole, in time linear in its size.

    ``path`` says where the value is, such as ``events[3]``; "" is the body itself. A number, boolean or null
    is never audio, whatever its name (``audio_level``, ``has_audio``).

    Raises:
        AudioRefused: the value carries audio; the field names the place, the code is "audio".
    """
    pending: list[tuple[object, str, _Run | None]] = [(value, path, None)]
    while pending:
        item, where, run = pending.pop()
        if isinstance(item, str):
            if is_audio_text(item):
                raise _refusal(where)
        elif isinstance(item, list):
            run = run or _Run(where)
            for index, member in enumerate(item):
                if isinstance(member, (str, list, dict)):
                    pending.append((member, f"{where}[{index}]", run))
                else:
                    _count_number(member, run)
        elif isinstance(item, dict):
            indexed = _Run(where)
            for name, member in item.items():
                if isinstance(member, (str, list, dict)):
                    inner = member_path(where, name)
                    if is_audio_name(name):
                        raise _refusal(inner)
                    pending.append((member, inner, None))
                elif name.isdecimal():
                    # JavaScript writes a typed array as an object: {"0": 0.01, "1": 0.02, ...}.
                    _count_number(member, indexed)


def is_audio_name(name: str) -> bool:
    """Tell whether a member's name means sound, written ``raw_audio``, ``rawAudio``, ``Raw-Audio`` or so."""
    # Once as it stands, once by its humps: `WebM` is one word, `rawAudio` is two.
    for spelling in (name, _CAMEL_HUMP.sub("_", name)):
        words = _SEPARATOR.sub("_", spelling.lower()).strip("_")
        if words in _AUDIO_NAMES or _AUDIO_WORD.search(words):
            return True
    return False


def is_audio_text(text: str) -> bool:
    """Tell whether ``text`` is a media URL, the base64 of a known audio file, or has a long run of base64."""
    if len(text) > MAX_BASE64_CHARS and any(len(run[0]) > MAX_BASE64_CHARS for run in _BASE64.finditer(text)):
        return True
    if len(text) < SHORTEST_AUDIO_TEXT or _PERHAPS_AUDIO.match(text) is None:
        return False
    url = _DATA_URL.match(text)
    if url is not None:
        if url["audio"]:
            return True
        text = text[url.end() :]
    head = _BASE64_HEAD.match(text)
    return head is not None and _is_audio_file(head[0])


def _is_audio_file(head: str) -> bool:
    """Tell whether the first characters of a base64 text are the start of an audio or video file."""
    whole_groups = head[: len(head) // 4 * 4].translate(_URL_SAFE_TO_STANDARD)
    start = binascii.a2b_base64(whole_groups)
    return (
        start.startswith(_MAGIC)
        or start[4:8] == b"ftyp"
        or (start.startswith(b"FORM") and start[8:11] == b"AIF")
        or (start.startswith(b"ID3") and start[3] <= _ID3_NEWEST_VERSION)
        or (len(head) >= _MP3_HEAD_CHARS and _is_mp3_frame(start))
    )


def _is_mp3_frame(start: bytes) -> bool:
    """Tell whether the bytes are a valid MPEG layer III header (ISO/IEC 11172-3, 2.4.1.3).

    The sync mark alone is only 11 bits, which a signature or a hash has by chance.
    """
    layer_three = start[0] == 0xFF and start[1] & 0xE6 == 0xE2 and start[1] & 0x18 != 0x08
    return layer_three and start[2] & 0xF0 not in {0x00, 0xF0} and start[2] & 0x0C != 0x0C


def _count_number(member: object, run: _Run) -> None:
    if isinstance(member, (int, float)) and not isinstance(member, bool):
        run.numbers += 1
        if run.numbers > MAX_NUMBERS:
            raise _refusal(run.path)


def _refusal(path: str) -> AudioRefused:
    return AudioRefused([FieldProblem(path or "body", "audio", _MESSAGE)])
