"""What it takes to let somebody else's client loose on a sandbox: names, certificates, and a thread of its own.

The clients of others are synchronous, or insist on https and on Bitrix24's host names. So the sandbox serves TLS with a
certificate of a made-up authority, and the names lead to it: nothing in those clients has to be changed.
"""

from __future__ import annotations

import asyncio
import queue
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aiohttp import web

from b24client import decode_form
from b24client.sandbox import SANDBOX, Sandbox, SandboxConfig, create_sandbox

PORTAL, RENAMED, OAUTH = "example.bitrix24.com", "renamed.bitrix24.com", "oauth.bitrix24.tech"
NAMES = (PORTAL, RENAMED, OAUTH, "oauth.bitrix.info", "oauth.evil.example", "b24.company.lan", "localhost")

T = TypeVar("T")


@dataclass(frozen=True)
class Authority:
    """A certificate authority nobody knows, and a certificate of it for all `NAMES`."""

    ca_file: Path
    certificate: Path
    key: Path

    @classmethod
    def found(cls, folder: Path) -> Authority:
        """A new one; the files are kept in the folder."""
        ca, ca_key, request, leaf, key = (folder / name for name in ("ca.pem", "ca.key", "csr", "leaf.pem", "leaf.key"))
        extensions = folder / "extensions"
        names = ",".join(f"DNS:{name}" for name in NAMES)
        extensions.write_text(
            f"subjectAltName={names},IP:127.0.0.1\nbasicConstraints=CA:FALSE\nauthorityKeyIdentifier=keyid\n"
        )
        new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
        _openssl("req", "-x509", *new_key, "-keyout", ca_key, "-out", ca, "-days", 2, "-subj", "/CN=Nobody", *usage)
        _openssl("req", "-new", *new_key, "-keyout", key, "-out", request, "-subj", f"/CN={PORTAL}")
        signing = ("-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days", 2, "-extfile", extensions)
        _openssl("x509", "-req", "-in", request, *signing, "-out", leaf)
        return cls(ca, leaf, key)

    def context(self) -> ssl.SSLContext:
        """For a server that shows the certificate."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def trusted(self) -> ssl.SSLContext:
        """For a client that trusts the authority."""
        return ssl.create_default_context(cafile=str(self.ca_file))


def _openssl(*words: object) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


@dataclass
class ThreadedPortal:
    """A sandbox that runs in a thread of its own, and a place that takes what it posts."""

    sandbox: Sandbox
    port: int
    handler: str
    """The address of that place, for event.bind."""
    posted: queue.Queue[dict[str, Any]]
    """The forms posted there, decoded."""
    _loop: asyncio.AbstractEventLoop = field(repr=False)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Have something done in the sandbox's thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def next_post(self) -> dict[str, Any]:
        """The next form posted to the handler."""
        return self.posted.get(timeout=10)

    def requests(self, method: str) -> int:
        return len(self.sandbox.journal.told(method=method))


class Running:
    """`with Running(config, context) as portal: ...`; without a context it speaks plain http."""

    def __init__(self, config: SandboxConfig, context: ssl.SSLContext | None) -> None:
        self._config = config
        self._context = context
        self._ready: queue.Queue[ThreadedPortal] = queue.Queue()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> ThreadedPortal:
        self._thread.start()
        self._portal = self._ready.get(timeout=10)
        return self._portal

    def __exit__(self, *exc: object) -> None:
        self._portal._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)

    async def _serve(self) -> None:
        self._end = asyncio.Event()
        posted: queue.Queue[dict[str, Any]] = queue.Queue()

        async def take(request: web.Request) -> web.Response:
            posted.put(decode_form(await request.read()))
            return web.Response()

        app = create_sandbox(self._config)
        place = web.Application()
        place.router.add_post("/", take)
        runners = [web.AppRunner(each, access_log=None, shutdown_timeout=1) for each in (app, place)]
        ports = []
        for runner, context in zip(runners, (self._context, None), strict=True):
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
            await site.start()
            ports.append(runner.addresses[0][1])
        loop = asyncio.get_running_loop()
        self._ready.put(ThreadedPortal(app[SANDBOX], ports[0], f"http://127.0.0.1:{ports[1]}/", posted, loop))
        await self._end.wait()
        for runner in runners:
            await runner.cleanup()


def lead(monkeypatch: pytest.MonkeyPatch, names: Mapping[str, int]) -> list[str]:
    """Let host names, whatever the port asked for, lead to a port of this machine; the names that were asked for."""
    ask: Callable[..., Any] = socket.getaddrinfo
    asked: list[str] = []

    def answer(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        asked.append(name)
        return ask("127.0.0.1", names[name], *args, **options) if name in names else ask(host, port, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("no_proxy", "*")
    return asked
