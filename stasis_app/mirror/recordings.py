"""Recordings on their way from Asterisk to the portal: found, whole, in the format wanted, and tidied away."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from loguru import logger

from stasis_app.calls.routing import files_of_recording
from stasis_app.mirror.audio import AudioError, encode_mp3, is_whole, join, mend
from stasis_app.settings import RecordingSettings

MISSING_FOR = 5.0
"""Seconds a file may take to appear: the spool may be on another machine."""
GROWING_FOR = 15.0
"""Seconds a file may take to become whole."""
LOOK_EVERY = 0.1
AT_ONCE = 2
"""How many recordings are prepared and sent at the same time: they must not crowd out the cards."""


class RecordingError(Exception):
    """A recording can't be delivered, ever; the text says why."""


@dataclass(frozen=True, slots=True)
class Part:
    """A recording of a call, which may be one of several. A stereo one is two files on the PBX."""

    name: str
    format: str
    stereo: bool = False

    @property
    def files(self) -> tuple[str, ...]:
        """The names of its files, the left channel first."""
        return files_of_recording(self.name, stereo=self.stereo)


class RecordingSource(Protocol):
    """Where recordings come from when Asterisk's spool is out of sight (ARI's stored recordings)."""

    async def fetch(self, name: str, format: str) -> Path:  # noqa: A002 - ARI's word
        """A private copy of the file, which the caller deletes. Raises FileNotFoundError or OSError."""
        ...

    async def delete(self, name: str) -> None:
        """Delete the stored recording; one that is gone is no error."""
        ...


class RecordingPublisher(Protocol):
    """Where the portal can fetch files from."""

    def publish(self, path: Path, filename: str) -> str:
        """Let the portal fetch a file until it is withdrawn; the address."""
        ...

    def withdraw(self, url: str) -> None:
        """Nobody can begin to fetch the file any more."""
        ...


class Recordings:
    """The recordings of one Asterisk. One of `settings.directory` and `source` has to be given.

    With a `publisher` the portal may fetch them (`published`).
    """

    def __init__(
        self,
        settings: RecordingSettings,
        source: RecordingSource | None = None,
        publisher: RecordingPublisher | None = None,
    ) -> None:
        self._settings = settings
        self._source = source
        self._publisher = publisher
        self._at_once = asyncio.Semaphore(AT_ONCE)

    @property
    def keep_days(self) -> int | None:
        """Days a delivered recording stays on the PBX; None: for ever."""
        return self._settings.keep_days

    @property
    def fetched_by_portal(self) -> bool:
        """Whether recordings are delivered by address (`published`) rather than sent (`prepared`)."""
        return self._publisher is not None

    @asynccontextmanager
    async def prepared(self, *parts: Part, lacking: list[str] | None = None) -> AsyncIterator[tuple[Path, str]]:
        """The whole file in the format wanted, and the name it shall have in the portal.

        Several parts are joined in their order. What can't be had of them is left out, and why is added to `lacking`.
        Raises `RecordingError` when there will never be anything, OSError when it can't be read.
        """
        async with self._at_once, self._whole(parts, lacking) as prepared:
            yield prepared

    @asynccontextmanager
    async def published(self, *parts: Part, lacking: list[str] | None = None) -> AsyncIterator[str]:
        """An address the portal can fetch the whole file from, in the format wanted, for as long as the block lasts.

        Many may be published at a time: only their preparation takes turns. The address is a secret. Raises as
        `prepared` does.
        """
        if self._publisher is None:
            raise RecordingError('recordings are not published; set [recording] deliver = "url"')
        async with AsyncExitStack() as stack:
            async with self._at_once:
                path, filename = await stack.enter_async_context(self._whole(parts, lacking))
            url = self._publisher.publish(path, filename)
            stack.callback(self._publisher.withdraw, url)
            yield url

    @asynccontextmanager
    async def _whole(self, parts: Sequence[Part], lacking: list[str] | None) -> AsyncIterator[tuple[Path, str]]:
        """See `prepared`; copies made on the way are removed at the end."""
        copies: list[Path] = []
        format_ = parts[0].format
        try:
            found = await self._joined(parts, copies, [] if lacking is None else lacking)
            if self._settings.format == "mp3" and format_ != "mp3":
                found = await self._converted(found)
                copies.append(found)
                format_ = "mp3"
            yield found, f"{Path(parts[0].name).name}.{format_}"
        finally:
            for copy in copies:
                with suppress(OSError):
                    await asyncio.to_thread(copy.unlink)

    async def _joined(self, parts: Sequence[Part], copies: list[Path], lacking: list[str]) -> Path:
        if len(parts) == 1 and not parts[0].stereo:
            return await self._whole_file(parts[0].name, parts[0].format, copies)
        found = [[await self._or_lacking(file, part.format, copies, lacking) for file in part.files] for part in parts]
        there = [files for files in found if any(files)]
        if not there:
            raise RecordingError("; ".join(lacking))
        target = await asyncio.to_thread(_temporary, ".wav")
        copies.append(target)
        try:
            await asyncio.to_thread(join, there, target)
        except AudioError as error:
            raise RecordingError(str(error)) from None
        return target

    async def _or_lacking(self, name: str, format_: str, copies: list[Path], lacking: list[str]) -> Path | None:
        try:
            return await self._whole_file(name, format_, copies)
        except RecordingError as error:
            lacking.append(f"{name}: {error}")
            return None

    async def _whole_file(self, name: str, format_: str, copies: list[Path]) -> Path:
        path = await self._find(name, format_)
        if not self._settings.directory:
            copies.append(path)
        if await self._becomes_whole(path):
            return path
        # Nobody writes it any more: Asterisk was killed or restarted while it did.
        mended = await self._copied(path, path.suffix, mend)
        copies.append(mended)
        return mended

    async def delivered(self, *parts: Part) -> None:
        """The portal has them: delete them here if they are not to be kept at all."""
        if self._settings.keep_days == 0:
            await self.discard(*parts)

    async def discard(self, *parts: Part) -> None:
        """Delete recordings on the PBX. Never raises: a file that stays is no harm to a call."""
        for name in (name for part in parts for name in part.files):
            try:
                if self._settings.directory is not None:
                    for path in await asyncio.to_thread(self._files, name):
                        await asyncio.to_thread(path.unlink, missing_ok=True)
                elif self._source is not None:
                    await self._source.delete(name)
            except Exception as error:
                logger.warning("The recording {} can't be deleted: {}", name, type(error).__name__)

    async def _find(self, name: str, format_: str) -> Path:
        if self._settings.directory is None:
            if self._source is None:
                raise RecordingError("neither [recording] directory nor a way to fetch it is there")
            try:
                return await self._source.fetch(name, format_)
            except FileNotFoundError:
                raise RecordingError("Asterisk does not have the file") from None
        return self._inside(f"{name}.{format_}")

    async def _becomes_whole(self, path: Path) -> bool:
        """Wait until it is; False for a WAV file that is not and does not grow."""
        began, size = time.monotonic(), -1
        while True:
            try:
                # Also tells whether it is there: each look goes to another thread, which costs more than the look.
                if await asyncio.to_thread(is_whole, path):
                    return True
                limit, lacking = GROWING_FOR, "the file never became whole"
            except FileNotFoundError:
                limit, lacking = MISSING_FOR, f"there is no file {path.name} in [recording] directory"
            except AudioError as error:
                raise RecordingError(str(error)) from None
            if limit == GROWING_FOR and size < 0:
                size = await asyncio.to_thread(_size, path)
            if time.monotonic() - began > limit:
                if path.suffix == ".wav" and size > 0 and size == await asyncio.to_thread(_size, path):
                    return False
                raise RecordingError(lacking)
            await asyncio.sleep(LOOK_EVERY)

    async def _converted(self, path: Path) -> Path:
        return await self._copied(path, ".mp3", encode_mp3)

    async def _copied(self, path: Path, suffix: str, make: Callable[[Path, Path], None]) -> Path:
        target = await asyncio.to_thread(_temporary, suffix)
        try:
            await asyncio.to_thread(make, path, target)
        except BaseException as error:
            await asyncio.to_thread(target.unlink, missing_ok=True)
            if isinstance(error, AudioError):
                raise RecordingError(str(error)) from None
            raise
        return target

    def _files(self, name: str) -> list[Path]:
        return [self._inside(f"{name}.{suffix}") for suffix in ("wav", "mp3")]

    def _inside(self, name: str) -> Path:
        """The path of a file of the spool; a name that leads elsewhere is refused."""
        assert self._settings.directory is not None
        root = self._settings.directory.resolve()
        path = (root / name).resolve()
        if not path.is_relative_to(root) or path == root:
            raise RecordingError("the recording's name leads out of [recording] directory")
        return path


def _size(path: Path) -> int:
    """Its length, -1 when it is not there."""
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _temporary(suffix: str) -> Path:
    with tempfile.NamedTemporaryFile(prefix="stasis-", suffix=suffix, delete=False) as file:
        return Path(file.name)
