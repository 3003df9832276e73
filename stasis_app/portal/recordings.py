"""Recordings the portal fetches from us: addresses that open one file each, for the portal and for some hours.

`GET /bitrix24/recordings/{token}/{name}.mp3` (or `.wav`). The token is an HMAC over a serial number, the name and the
hour of expiry, made with a key that lives as long as the process: what is published is held open by somebody who waits
for the portal, so a link has no use after a restart. No part of an address is ever read as a path.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, unquote

from aiohttp import web
from loguru import logger

RECORDINGS_PATH = "/bitrix24/recordings"
LINK_SECONDS = 4 * 3600.0
"""How long a link is good, should whoever published the file still hold it then."""
_CONTENT_TYPES = {"mp3": "audio/mpeg", "wav": "audio/x-wav"}
_TOKEN = re.compile(r"([0-9a-f]{1,16})\.([0-9a-f]{1,16})\.([A-Za-z0-9_-]{43})")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 100
_TELL_REFUSED_EVERY = 60.0


class PublishedRecordings:
    """The recordings that can be fetched now. `public_url` is where the portal reaches this service."""

    def __init__(self, public_url: str, *, clock: Callable[[], float] = time.time) -> None:
        self._base = public_url.rstrip("/") + RECORDINGS_PATH
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._serials = itertools.count(1)
        self._files: dict[int, Path] = {}
        self._refused = 0
        self._told_at = float("-inf")

    def publish(self, path: Path, filename: str) -> str:
        """Let the portal fetch a file (.wav or .mp3) until it is withdrawn; the address, which is a secret."""
        serial, expires = next(self._serials), int(self._clock() + LINK_SECONDS)
        name = _public_name(filename)
        self._files[serial] = path
        return f"{self._base}/{serial:x}.{expires:x}.{self._signed(serial, expires, name)}/{quote(name, safe='')}"

    def withdraw(self, url: str) -> None:
        """Nobody can begin to fetch the file any more; whoever has begun gets all of it."""
        token, _, name = url.removeprefix(f"{self._base}/").partition("/")
        if known := self._verified(token, unquote(name)):
            self._files.pop(known[0], None)

    def find(self, token: str, name: str) -> Path | None:
        """The file behind a link, None when the link is not one of ours, has expired or was withdrawn."""
        known = self._verified(token, name)
        return self._files.get(known[0]) if known and self._clock() < known[1] else None

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Answer a request; it is 404 for everything but a file that is published now."""
        token, name = request.match_info["token"], request.match_info["name"]
        path = self.find(token, name)
        if path is None:
            self._refuse()
            raise web.HTTPNotFound()
        logger.info("the portal fetches the recording {}", name)
        headers = {
            "Content-Type": _CONTENT_TYPES[name.rpartition(".")[2].lower()],
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
        }
        return web.FileResponse(path, headers=headers)

    def _refuse(self) -> None:
        """Told once a minute at most, and without the address: it may be a link that was good once."""
        self._refused += 1
        now = self._clock()
        if now - self._told_at >= _TELL_REFUSED_EVERY:
            logger.warning("requests for recordings refused, their links being no good (any more): {}", self._refused)
            self._refused, self._told_at = 0, now

    def _verified(self, token: str, name: str) -> tuple[int, int] | None:
        """The serial number and the expiry in a link that we made."""
        parts = _TOKEN.fullmatch(token)
        if parts is None:
            return None
        serial, expires = int(parts[1], 16), int(parts[2], 16)
        right = hmac.compare_digest(parts[3].encode(), self._signed(serial, expires, name).encode())
        return (serial, expires) if right else None

    def _signed(self, serial: int, expires: int, name: str) -> str:
        digest = hmac.new(self._key, f"{serial}\n{expires}\n{name}".encode("utf-8", "surrogatepass"), hashlib.sha256)
        return base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()


def add_recordings(app: web.Application, published: PublishedRecordings) -> None:
    """Add the address of recordings to an application."""
    app.router.add_get(RECORDINGS_PATH + r"/{token}/{name:[^/]+\.(?:mp3|wav)}", published.get)


def _public_name(filename: str) -> str:
    """The file name as it stands in an address: plain letters, so that no proxy or portal spells it otherwise."""
    stem, dot, extension = filename.rpartition(".")
    if not dot or extension.lower() not in _CONTENT_TYPES:
        raise ValueError(f"recording: {filename!r} is not the name of a .wav or .mp3 file")
    stem = _UNSAFE.sub("_", stem).lstrip(".")[:_LONGEST_NAME]
    return f"{stem or 'recording'}.{extension.lower()}"
