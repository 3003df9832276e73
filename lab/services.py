"""The portal sandbox and the service, started as their users start them: as commands."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp

from lab.processes import free_port, spawn, stop

COMMANDS = Path(sys.executable).parent
CHECKOUT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"


@dataclass
class Program:
    """A command with an HTTP server, up when a path of it answers."""

    command: Sequence[str]
    port: int
    log: Path
    ready_path: str
    _process: asyncio.subprocess.Process | None = field(default=None, init=False)
    _said_before: int = field(default=0, init=False)  # bytes of the log that are an earlier process's

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        """The process, for measuring it."""
        if self._process is None:
            raise RuntimeError(f"{self.command[0]} is not started")
        return self._process.pid

    async def start(self) -> None:
        """Start and wait until it answers; `RuntimeError` with the end of its log when it ends or stays silent."""
        await self._begin()
        await self._until(self._answers)

    async def stand_by(self) -> None:
        """Start one that is to wait for its turn (`run --standby`), until it waits; raises as `start`."""
        await self._begin()
        await self.until_says("waiting as a standby")

    async def _begin(self) -> None:
        # A setting in the environment would go before the file written for this run.
        env = {name: value for name, value in os.environ.items() if not (name.startswith("STASIS_") and "__" in name)}
        # An installed program is compiled; this one keeps what it compiled at its first start, as any checkout does.
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        env["PYTHONPATH"] = str(CHECKOUT)  # what is tested is what lies beside the lab, wherever it is started from
        self._said_before = self.log.stat().st_size if self.log.exists() else 0
        self._process = await spawn(self.command, output=self.log, env=env, folder=self.log.parent)

    async def until_says(self, text: str) -> None:
        """Wait until something is in its log that was not there when it was started; raises as `start`."""

        async def said() -> bool:
            with self.log.open("rb") as log:
                log.seek(self._said_before)
                return text.encode() in log.read()

        await self._until(said)

    async def _until(self, ready: Callable[[], Awaitable[bool]]) -> None:
        name = Path(self.command[0]).name
        try:
            async with asyncio.timeout(30):
                while not await ready():
                    if self._process is None or self._process.returncode is not None:
                        raise RuntimeError(f"{name} ended at once:\n{self.last_words()}")
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise RuntimeError(f"{name} does not get ready:\n{self.last_words()}") from None

    async def until_ended(self, seconds: float) -> bool:
        """Wait until it ends by itself; False when it does not."""
        if self._process is None:
            return True
        try:
            await asyncio.wait_for(self._process.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def _answers(self) -> bool:
        try:
            async with aiohttp.ClientSession() as http, http.get(self.url + self.ready_path) as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def stop(self) -> int:
        """End it as systemd would; its exit status."""
        return await stop(self._process, patience=20) if self._process else 0

    async def kill(self) -> None:
        """End it as a power cut would."""
        if self._process:
            await stop(self._process, gently=False)

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else "(no log)"


def sandbox(seed: Path, folder: Path, *arguments: str) -> Program:
    """The portal, not yet started."""
    port = free_port(HOST, socket.SOCK_STREAM)
    command = [str(COMMANDS / "b24-sandbox"), "run", "--port", str(port), "--seed", str(seed), *arguments]
    return Program(command, port, folder / "portal.log", "/sandbox/api/status")


def service(config: Path, port: int, folder: Path, *arguments: str) -> Program:
    """The service, not yet started; `port` is the one in its configuration."""
    command = [str(COMMANDS / "stasis-app"), "run", "-c", str(config), *arguments]
    return Program(command, port, folder / "service.log", "/readyz")


def standby(serving: Program) -> Program:
    """A second instance beside the one that serves, with a log of its own; not yet started."""
    logs = (serving.log.with_name(f"service-{n}.log") for n in itertools.count(2))
    command = [*(word for word in serving.command if word != "--standby"), "--standby"]
    return Program(command, serving.port, next(log for log in logs if not log.exists()), serving.ready_path)


class Portal:
    """The sandbox's control API."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Portal:
        self._http = aiohttp.ClientSession(f"{self.url}/sandbox/api/")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http:
            await self._http.close()

    async def install(self, service_url: str) -> None:
        """Install the application as an administrator of the portal does; `RuntimeError` when the service refuses."""
        answer = await self._ask("POST", "install", {"handler": f"{service_url}/bitrix24/install"})
        if answer["status"] != 200:
            raise RuntimeError(f"the service did not take the installation: HTTP {answer['status']}")

    async def calls(self) -> list[dict[str, Any]]:
        """Every call the CRM holds."""
        found: list[dict[str, Any]] = await self._ask("GET", "calls")
        return found

    async def until_call(self, wanted: Callable[[dict[str, Any]], bool], seconds: float = 20.0) -> dict[str, Any]:
        """Wait until the CRM holds a call that is as wanted; that call."""
        async with asyncio.timeout(seconds):
            while True:
                for call in await self.calls():
                    if wanted(call):
                        return call
                await asyncio.sleep(0.1)

    async def recording(self, file_id: int) -> bytes:
        """The file attached to a call."""
        async with self._session.get(f"records/{file_id}") as answer:
            answer.raise_for_status()
            return await answer.read()

    async def raw(self, what: str) -> bytes:
        """An answer of the control API as it is: `calls`, `requests`, `status` ..."""
        async with self._session.get(what, params={"limit": "100000"}) as answer:
            return await answer.read()

    async def trouble(self, **fault: object) -> None:
        """Let something go wrong with the portal (`kind`, `seconds`, `for_s` ...)."""
        await self._ask("POST", "faults", fault)

    async def no_trouble(self) -> None:
        """End all trouble."""
        await self._ask("DELETE", "faults")

    async def fill_in_form(self, number: str) -> None:
        """Somebody asks to be called back; waits until an application that wants to know of it has been told."""
        asked = {"phone_number": number}
        while not (await self._ask("POST", "callback", asked))["deliveries"]:  # noqa: ASYNC110 (it can only be asked)
            await asyncio.sleep(0.1)

    async def audit(self) -> list[dict[str, Any]]:
        """What the portal would complain of."""
        found: list[dict[str, Any]] = await self._ask("GET", "audit")
        return found

    @property
    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            raise RuntimeError("use it in `async with`")
        return self._http

    async def _ask(self, method: str, path: str, body: object = None) -> Any:
        async with self._session.request(method, path, json=body) as answer:
            answer.raise_for_status()
            return await answer.json()
