"""A recording on its way from the disk: checked, then read piece by piece, off the loop."""

from __future__ import annotations

import asyncio
import base64
import os
import threading
from dataclasses import dataclass, field
from typing import BinaryIO

import aiohttp
from aiohttp.abc import AbstractStreamWriter

from b24client.audio import CONTENT_TYPES, UnfinishedRecording, check_name, check_recording

_PIECE = 256 * 1024


@dataclass(frozen=True, slots=True)
class RecordFile:
    """An open file that was checked when it had `size` bytes; exactly those are sent."""

    filename: str
    file: BinaryIO
    size: int
    one_reader: threading.Lock = field(default_factory=threading.Lock)
    """A read that was given up may still be under way in its thread when the next attempt begins."""

    @classmethod
    def of(cls, filename: str, file: BinaryIO) -> RecordFile:
        """Check an open file (blocking). Raises BadRecording, OSError."""
        return cls(filename, file, check_recording(filename, file))

    def check_unchanged(self) -> None:
        """Raises UnfinishedRecording when somebody has gone on writing."""
        now = os.fstat(self.file.fileno()).st_size
        if now != self.size:
            text = f"file: {self.filename!r} had {self.size} bytes and has {now} now; send it when it is whole"
            raise UnfinishedRecording(text)

    def base64(self) -> str:
        """The whole file for a request (blocking)."""
        content = self.piece(0, self.size)
        self.check_unchanged()
        return base64.b64encode(content).decode()

    def piece(self, place: int, length: int) -> bytes:
        """A part of it (blocking)."""
        with self.one_reader:
            self.file.seek(place)
            return self.file.read(length)

    def form(self, name: str) -> aiohttp.FormData:
        """A form with the file in its field `name`, good for one request."""
        form = aiohttp.FormData()
        kind = CONTENT_TYPES[check_name(self.filename)]
        form.add_field(name, _Streamed(self), filename=self.filename, content_type=kind)
        return form


class _Streamed(aiohttp.Payload):
    """A file read piece by piece, off the loop; never more of it than was announced."""

    def __init__(self, source: RecordFile) -> None:
        super().__init__(source, content_type=CONTENT_TYPES[check_name(source.filename)])
        self._source = source
        self._size = source.size

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        raise TypeError("a recording is not text")

    async def write(self, writer: AbstractStreamWriter) -> None:
        left, place = self._source.size, 0
        while left:
            piece = await asyncio.to_thread(self._source.piece, place, min(left, _PIECE))
            if not piece:
                raise EOFError("the file became shorter")
            await writer.write(piece)
            place, left = place + len(piece), left - len(piece)
