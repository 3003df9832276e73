"""Has this machine what the service needs?"""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

from sqlalchemy.engine import make_url

from stasis_app.ops.findings import Finding, error, fine, warning
from stasis_app.settings import Settings

LOW, EMPTY = 1024**3, 100 * 1024**2  # bytes free


async def disk(settings: Settings) -> list[Finding]:
    """Room for the store, the log and the recordings."""
    folders = {folder for folder in (_store_folder(settings), _log_folder(settings)) if folder}
    if settings.recording.enabled and settings.recording.directory and settings.recording.directory.is_dir():
        folders.add(settings.recording.directory)
    found = [finding for folder in sorted(folders) for finding in await asyncio.to_thread(_room, folder)]
    return found or [fine("disk", "there is room")]


def _store_folder(settings: Settings) -> Path | None:
    url = make_url(settings.storage.url)
    if not url.drivername.startswith("sqlite") or not url.database or url.database == ":memory:":
        return None
    return Path(url.database).parent


def _log_folder(settings: Settings) -> Path | None:
    return settings.logging.file.parent if settings.logging.file else None


def _room(folder: Path) -> list[Finding]:
    if not folder.is_dir():
        return [error("disk", f"there is no folder {folder}", f"Create it: mkdir -p {folder}.")]
    if not os.access(folder, os.W_OK | os.X_OK):
        return [warning("disk", f"this user may not write to {folder}", "Run it as the service's user.")]
    free = shutil.disk_usage(folder).free
    said = f"{free / 1024**2:.0f} MB are free at {folder}"
    if free < EMPTY:
        return [error("disk", said, "Make room: the store can't grow any more.")]
    if free < LOW:
        return [warning("disk", said, "Make room soon: recordings take about 1 MB a minute as WAV.")]
    return []
