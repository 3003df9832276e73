"""Child processes that never outlive the exchange, and the free ports they need."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO


async def spawn(
    command: Sequence[str],
    *,
    output: Path | None = None,
    env: Mapping[str, str] | None = None,
    folder: Path | None = None,
    pass_fds: Sequence[int] = (),
) -> asyncio.subprocess.Process:
    """Start a program whose output goes to a file (or nowhere).

    The kernel kills it when this process dies (`setpriv --pdeathsig`), so an interrupted run leaves nothing behind.
    """
    tether = [setpriv, "--pdeathsig", "KILL", "--"] if (setpriv := shutil.which("setpriv")) else []
    with contextlib.ExitStack() as files:
        sink: IO[bytes] | int = files.enter_context(output.open("ab")) if output else asyncio.subprocess.DEVNULL
        return await asyncio.create_subprocess_exec(
            *tether,
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            env=env,
            cwd=folder,
            pass_fds=pass_fds,
            start_new_session=True,  # Ctrl-C reaches the exchange alone, which then stops everything in order
        )


async def stop(process: asyncio.subprocess.Process, *, patience: float = 5.0, gently: bool = True) -> int:
    """End a program: by SIGTERM, after `patience` seconds by SIGKILL. Its exit status."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM if gently else signal.SIGKILL)
        try:
            await asyncio.wait_for(process.wait(), patience)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return process.returncode or 0


_PORTS = range(10_000, 20_000)  # below those the kernel gives to sockets that ask for none, and Asterisk to RTP
_given: set[int] = set()


def free_port(address: str = "127.0.0.1", kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    """A port nobody uses on `address`; never the same twice in this process.

    Whoever it is for binds it a while later, or again after a restart. None of the many sockets that take any port, a
    client's or a voice's, can have got it meanwhile.
    """
    while True:
        port = random.choice(_PORTS)
        if port in _given:
            continue
        with socket.socket(socket.AF_INET, kind) as probe, contextlib.suppress(OSError):
            probe.bind((address, port))
            _given.add(port)
            return port


def listens(address: str, port: int) -> bool:
    """Whether somebody has bound a UDP port.

    The kernel's table is asked: trying to bind the port would keep it, for that moment, from whoever is about to.
    """
    at = f"{int.from_bytes(socket.inet_aton(address), sys.byteorder):08X}:{port:04X}"
    _, *sockets = Path("/proc/net/udp").read_text().splitlines()
    return any(line.split()[1] == at for line in sockets)
