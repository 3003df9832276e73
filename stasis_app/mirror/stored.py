"""Recordings fetched over ARI, for a service that does not see Asterisk's spool."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from urllib.parse import quote

from stasis_app.ari import AriError, AriLink, Gone


class AriRecordings:
    """Stored recordings (ARI `GET /recordings/stored/{name}/file`). Copies go to the system's temporary folder."""

    def __init__(self, link: AriLink) -> None:
        self._link = link

    async def fetch(self, name: str, format: str) -> Path:  # noqa: A002 - ARI's word
        """A private copy of the file, which the caller deletes. Raises FileNotFoundError or OSError."""
        path = await asyncio.to_thread(_temporary_file, format)
        try:
            await self._link.download(f"recordings/stored/{quote(name, safe='')}/file", path)
        except Gone:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            raise FileNotFoundError(f"Asterisk has no recording {name}") from None
        except AriError as error:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            raise OSError(str(error)) from None
        return path

    async def delete(self, name: str) -> None:
        """Delete the stored recording; one that is gone is no error. Raises OSError."""
        try:
            await self._link.transport.request("DELETE", self._link.url(f"recordings/stored/{quote(name, safe='')}"))
        except Gone:
            return
        except AriError as error:
            raise OSError(str(error)) from None


def _temporary_file(audio_format: str) -> Path:
    with tempfile.NamedTemporaryFile(prefix="stasis-", suffix=f".{audio_format}", delete=False) as file:
        return Path(file.name)
