"""What employees set for their extensions: do not disturb, forwarding, call waiting.

Set by dialled codes and over the API, kept on disk, asked for before a phone is rung. What FreePBX keeps itself is not
written here but read: `stasis_app.crm.freepbx`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Protocol

from stasis_app.crm.trouble import Troubles

_KEPT_AS = "extensions"


@dataclass(frozen=True, slots=True)
class Extension:
    """The settings of one extension. Forwards are an extension or an outside number, "" for none.

    `call_waiting` None leaves it to the configuration.
    """

    do_not_disturb: bool = False
    call_waiting: bool | None = None
    forward_always: str = ""
    forward_busy: str = ""
    forward_no_answer: str = ""


class ValueStore(Protocol):
    """Where named values are kept (`Store.meta`)."""

    async def get(self, name: str) -> Any: ...

    async def set(self, name: str, value: Any) -> bool: ...


class Extensions:
    """All extensions that anything is set for, in memory, so that asking costs nothing; changes go to the disk."""

    def __init__(self, store: ValueStore) -> None:
        self._store = store
        self._set: dict[str, Extension] = {}
        self._writing = asyncio.Lock()
        self.troubles = Troubles("Keeping the settings of extensions")

    async def load(self) -> None:
        """Fill from the disk. A disk that fails is noted only: calls are served without."""
        try:
            kept = await self._store.get(_KEPT_AS)
        except Exception as error:
            self.troubles.note(error)
            return
        if isinstance(kept, Mapping):
            self._set = {str(number): _read(values) for number, values in kept.items() if isinstance(values, Mapping)}

    def of(self, number: str) -> Extension:
        """The settings of an extension."""
        return self._set.get(number, _NOTHING_SET)

    async def change(self, number: str, /, **changes: Any) -> bool:
        """Set some of an extension's settings, at once; True when they are on disk, too.

        Raises `ValueError` for a forward to itself.
        """
        wanted = replace(self.of(number), **changes)
        if number in (wanted.forward_always, wanted.forward_busy, wanted.forward_no_answer):
            raise ValueError(f"extension {number} can't be forwarded to itself")
        if wanted == _NOTHING_SET:
            self._set.pop(number, None)
        else:
            self._set[number] = wanted
        async with self._writing:
            kept = {one: asdict(settings) for one, settings in self._set.items()}
            try:
                return await self._store.set(_KEPT_AS, kept)
            except Exception as error:  # what was set counts all the same, until the next restart
                self.troubles.note(error)
                return False


_NOTHING_SET = Extension()
_KNOWN = {field.name for field in fields(Extension)}


def _read(values: Mapping[str, Any]) -> Extension:
    return Extension(**{name: value for name, value in values.items() if name in _KNOWN})
