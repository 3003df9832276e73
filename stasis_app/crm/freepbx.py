"""What FreePBX keeps of an extension: forwarding, do not disturb, call waiting.

It lies in AstDB, which ARI may not read ("Dangerous function DB read blocked", seen on 22.10.1); the dialplan may. So
the context `stasis-extension` of contrib/asterisk is called: it says in a global variable what it reads, and hangs up.
That takes 1 to 3 ms, and our application hears no event of it (seen on 22.10.1).

AstDB families of FreePBX 16 and 17: CF, CFB, CFU/<extension> hold a number, DND/<extension> anything when it is on,
CW/<extension> ENABLED.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Protocol

import orjson

from stasis_app.ari import AriError, AriLink
from stasis_app.ari.variables import read_global
from stasis_app.crm.extensions import Extension
from stasis_app.crm.trouble import Troubles

CONTEXT = "stasis-extension"
VARIABLE = "STASIS_EXTENSION_"

FRESH = 1.0
"""Seconds an answer counts: a group or a queue asks for the same phones again and again."""

_PATIENCE = 0.3  # seconds a caller waits for the answer
_AFTER_FAILURE = 10.0  # seconds nobody is kept waiting once there was none
_FIRST_LOOK, _LONGEST_LOOK = 0.002, 0.05  # seconds between two looks
_EXTENSION = re.compile(r"\d{1,15}")
_FORWARD_TO = re.compile(r"\+?\d{2,20}")


class Dialplan(Protocol):
    """What is asked of Asterisk."""

    async def run(self, exten: str, context: str, variables: dict[str, str], /) -> None:
        """Run an extension of the dialplan, with nobody on the line. Raises `AriError`."""
        ...

    async def global_variable(self, name: str, /) -> str:
        """A global variable, "" when there is none. Raises `AriError`."""
        ...


def local_call(exten: str, context: str, variables: Mapping[str, str]) -> dict[str, object]:
    """The body of `POST /channels` that runs an extension of the dialplan in a Local channel."""
    return {
        "endpoint": f"Local/{exten}@{context}/n",
        # Where the half goes that would be rung, should the other one answer; it never does.
        "context": context,
        "extension": exten,
        "variables": {f"__{name}": value for name, value in variables.items()},
        "timeout": 1,
    }


class AriDialplan:
    """The dialplan, run over ARI (`POST /channels`, `GET /asterisk/variable`)."""

    def __init__(self, link: AriLink) -> None:
        self._link = link

    async def run(self, exten: str, context: str, variables: dict[str, str], /) -> None:
        """Run an extension of the dialplan, with nobody on the line."""
        order = orjson.dumps(local_call(exten, context, variables)).decode()
        await self._link.transport.request("POST", self._link.url("channels"), data=order)

    async def global_variable(self, name: str, /) -> str:
        """A global variable, "" when there is none."""
        return await read_global(self._link, name)


class FreePbx:
    """Reads what FreePBX keeps of extensions; what was read a moment ago is not read again."""

    def __init__(self, dialplan: Dialplan, clock: Callable[[], float] = time.monotonic) -> None:
        self._dialplan = dialplan
        self._clock = clock
        self._known: dict[str, tuple[float, Extension]] = {}
        self._asking: dict[str, asyncio.Task[Extension]] = {}
        self._silent_until = 0.0
        self.troubles = Troubles("Asking the dialplan what FreePBX keeps of an extension")

    async def of(self, extension: str, /) -> Extension:
        """What is set for an extension; nothing when nobody says so in time. Never raises."""
        known = self._known.get(extension)
        if known is not None and known[0] > self._clock() - FRESH:
            return known[1]
        if not _EXTENSION.fullmatch(extension) or self._clock() < self._silent_until:
            return _NOTHING
        asking = self._asking.get(extension)
        if asking is None:
            asking = self._asking[extension] = asyncio.create_task(self._ask(extension))
            asking.add_done_callback(lambda _: self._asking.pop(extension, None))
        return await asyncio.shield(asking)

    async def _ask(self, extension: str) -> Extension:
        try:
            async with asyncio.timeout(_PATIENCE):
                found = _read(await self._answer(extension), extension)
        except (AriError, TimeoutError, ValueError) as error:
            why = f"context {CONTEXT} does not answer" if isinstance(error, TimeoutError) else error
            self.troubles.note(why)
            self._silent_until = self._clock() + _AFTER_FAILURE
            return _NOTHING
        self.troubles.over()
        self._known[extension] = (self._clock(), found)
        return found

    async def _answer(self, extension: str) -> list[str]:
        """What the dialplan says to this question, and not to an earlier one."""
        question = secrets.token_hex(4)
        await self._dialplan.run(extension, CONTEXT, {"B24_ASKED": question})
        pause = _FIRST_LOOK
        while True:
            asked, *answer = (await self._dialplan.global_variable(f"{VARIABLE}{extension}")).split("|")
            if asked == question:
                return answer
            await asyncio.sleep(pause)
            pause = min(_LONGEST_LOOK, pause * 2)


_NOTHING = Extension()


def _read(answer: list[str], extension: str) -> Extension:
    """Raises `ValueError` when the dialplan says something else than it should."""
    always, busy, unavailable, do_not_disturb, call_waiting = answer
    return Extension(
        do_not_disturb=bool(do_not_disturb),
        call_waiting=call_waiting == "ENABLED",
        forward_always=_forward(always, extension),
        forward_busy=_forward(busy, extension),
        forward_no_answer=_forward(unavailable, extension),
    )


def _forward(to: str, extension: str) -> str:
    """Where to; FreePBX, too, pays no heed to an extension that is forwarded to itself."""
    return to if _FORWARD_TO.fullmatch(to) and to != extension else ""
