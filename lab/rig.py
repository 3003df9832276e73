"""Several programs that stand and fall together, in a temporary folder of their own."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self


class Rig(ABC):
    """`async with` it: everything is started, and at the end, or when the start fails, nothing of it is left.

    Args:
        name: what the folder is called after.
        keep: copy the folder here at the end.
    """

    def __init__(self, name: str, keep: Path | None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"stasis-{name}-"))
        self._kept = keep
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
        if self._kept:
            shutil.copytree(self.folder, self._kept, dirs_exist_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    @abstractmethod
    async def _start(self) -> None:
        """Start everything; how it ends is left on `_stack`."""
