"""Whether a file is a recording a portal takes: WAV or MP3, whole, of a size it accepts. Blocking: call it in a thread.

A portal looks at the extension alone and keeps whatever it gets, so a file that is not yet whole or not audio at all
would stay in the CRM as a recording nobody can play. Extensions and size:
https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-call-attach-record.html and
https://apidocs.bitrix24.com/limits.html.
"""

from __future__ import annotations

import os
import struct
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

MAX_SIZE = 2_000_000_000
"""Largest recording, bytes: a portal in the cloud takes requests of 2 GB."""
CONTENT_TYPES = {".wav": "audio/x-wav", ".mp3": "audio/mpeg"}
"""The extensions a portal takes, and what such a file is."""
_CHUNKS_LOOKED_AT = 64


class BadRecording(ValueError):
    """A file no portal would take. The text names the field, the value and the remedy."""


class UnfinishedRecording(BadRecording):
    """The file is still being written, or broke off; try again once its figures agree with its length."""


def check_name(filename: str) -> str:
    """The extension of a recording's name, in lower case. Raises BadRecording for one that a portal refuses."""
    suffix = Path(filename).suffix.lower()
    if suffix not in CONTENT_TYPES:
        raise BadRecording(f"filename: {filename!r} is not the name of a .wav or .mp3 file; a portal takes no other")
    return suffix


def check_recording(filename: str, file: BinaryIO) -> int:
    """The size (bytes) of an open recording that is fit to be sent. Raises BadRecording, OSError.

    UnfinishedRecording for a WAV file whose header does not agree with its length: whoever records fills the figures
    in when he closes the file.
    """
    suffix = check_name(filename)
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        raise BadRecording(f"file: {filename!r} is empty; send it when something has been recorded")
    if size > MAX_SIZE:
        raise BadRecording(
            f"file: {filename!r} has {size} bytes, a portal takes {MAX_SIZE}; convert it to MP3 or cut it"
        )
    file.seek(0)
    head = file.read(12)
    if suffix == ".wav":
        _check_wav(filename, file, head, size)
    else:
        _check_mp3(filename, head)
    return size


def check_content(filename: str, content: bytes) -> None:
    """The same for a recording in memory."""
    check_recording(filename, BytesIO(content))


def _check_wav(filename: str, file: BinaryIO, head: bytes, size: int) -> None:
    if len(head) < 12 and b"RIFF".startswith(head[:4]):
        raise UnfinishedRecording(
            f"file: {filename!r} has {size} bytes, less than a WAV header; wait until it is whole"
        )
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        what = "an MP3 file: name it .mp3" if _is_mp3(head) else "no WAV file: convert it to WAV or MP3"
        raise BadRecording(f"file: {filename!r} is {what}")
    (stated,) = struct.unpack("<I", head[4:8])
    if abs(stated + 8 - size) > 1:  # a pad byte is not counted by all writers
        raise UnfinishedRecording(
            f"file: {filename!r} has {size} bytes, its header says {stated + 8}; wait until it is whole"
        )
    samples = _data_size(file, size)
    if samples is None:
        raise BadRecording(f"file: {filename!r} is a WAV file without samples (no data chunk); record it anew")
    if samples == 0:
        raise BadRecording(f"file: {filename!r} is a WAV file with no sound in it (empty); there is nothing to send")
    if file.tell() + samples > size + 1:
        raise UnfinishedRecording(
            f"file: {filename!r} lacks {file.tell() + samples - size} bytes of its samples; wait until it is whole"
        )


def _data_size(file: BinaryIO, size: int) -> int | None:
    """The stated size of the samples, the file standing at the first of them; None when there is no such chunk."""
    place = 12
    for _ in range(_CHUNKS_LOOKED_AT):
        file.seek(place)
        head = file.read(8)
        if len(head) < 8:
            return None
        length: int = struct.unpack("<I", head[4:])[0]
        if head[:4] == b"data":
            return length
        place += 8 + length + length % 2
        if place >= size:
            return None
    return None


def _check_mp3(filename: str, head: bytes) -> None:
    if not _is_mp3(head):
        what = "a WAV file: name it .wav" if head[:4] == b"RIFF" else "no MP3 file: convert it to WAV or MP3"
        raise BadRecording(f"file: {filename!r} is {what}")


def _is_mp3(head: bytes) -> bool:
    """An ID3 tag, or the header of an MPEG frame of layer III with values that exist."""
    if head[:3] == b"ID3":
        return True
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    rate, frequency = head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and layer == 1 and rate not in (0, 15) and frequency != 3
