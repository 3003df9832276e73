"""Keeping the portal's state over a restart: one JSON file, written a little after something has changed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import orjson
from loguru import logger

if TYPE_CHECKING:
    from b24client.sandbox.state import Sandbox

_FORMAT = 1
_DEBOUNCE_SECONDS = 1.0
_SHARE_OF_TIME = 20.0  # a save that takes long comes more rarely


class Store(Protocol):
    """A part of the portal that can be kept. `Sandbox.stores` has them all."""

    def dump(self) -> dict[str, Any]:
        """Everything as values JSON knows."""

    def load(self, kept: Mapping[str, Any]) -> None:
        """Take over what `dump` gave. Raises KeyError, TypeError or ValueError for anything else."""


class Keeper:
    """Saves a sandbox into a folder: `state.json` and the recordings in `records/`."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self._sandbox = sandbox
        self._file = folder / "state.json"
        self._records = folder / "records"
        self._took = 0.0
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._seen = -1

    def open(self) -> bool:
        """Read what was kept; False when there is nothing yet.

        Raises OSError when the folder can't be used, ValueError when the file is not a sandbox's.
        """
        self._records.mkdir(parents=True, exist_ok=True)
        self._sandbox.records = self._records
        if not self._file.exists():
            return False
        try:
            kept = orjson.loads(self._file.read_bytes())
            if kept["format"] != _FORMAT:
                raise ValueError("another format")
            for name, store in self._sandbox.stores.items():
                if name in kept["stores"]:
                    store.load(kept["stores"][name])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"{self._file}: not the state of a sandbox ({type(error).__name__}: {error})") from None
        return True

    def start(self) -> None:
        """Save from now on."""
        self._task = asyncio.create_task(self._watch(), name="b24-sandbox-keeper")

    async def aclose(self) -> None:
        """Save the last state and stop."""
        self._closing.set()
        if self._task is not None:
            await self._task  # a save under way writes the same file
        await self._saved()

    async def _watch(self) -> None:
        while not self._closing.is_set():
            pause = max(_DEBOUNCE_SECONDS, self._took * _SHARE_OF_TIME)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), pause)
            if self._sandbox.journal.touched != self._seen:
                await self._saved()

    async def _saved(self) -> None:
        try:
            await self.save()
        except OSError as error:
            logger.error("the state was not saved: {}", error)

    async def save(self) -> None:
        """Write everything down, whole or not at all. Raises OSError."""
        started = time.perf_counter()
        self._seen = self._sandbox.journal.touched
        stores = {name: store.dump() for name, store in self._sandbox.stores.items()}
        raw = orjson.dumps({"format": _FORMAT, "stores": stores}, option=orjson.OPT_NON_STR_KEYS)
        self._took = time.perf_counter() - started
        await asyncio.to_thread(self._write, raw)

    def _write(self, raw: bytes) -> None:
        draft = self._file.with_suffix(".draft")
        with draft.open("wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._file)
