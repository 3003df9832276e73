"""One SIPp process, its scenario made from a template, its message trace read while it grows."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import jinja2

from lab.processes import listens, spawn, stop
from lab.toolbox import Toolbox

SCENARIOS = Path(__file__).resolve().parent / "scenarios"
_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(SCENARIOS),
    undefined=jinja2.StrictUndefined,
    keep_trailing_newline=True,
    autoescape=False,
)


class Sipp:
    """A running SIPp. Its trace comes through a pipe, so nobody polls files; a copy stays in the folder for reading."""

    def __init__(self, toolbox: Toolbox, folder: Path, name: str) -> None:
        self.name = name
        self._toolbox = toolbox
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    async def start(
        self,
        scenario: str,
        values: dict[str, object],
        arguments: Sequence[str],
        on_trace: Callable[[bytes], None] | None = None,
    ) -> None:
        """Start with a scenario file of lab/scenarios filled in with `values`."""
        path = self._folder / f"{self.name}.xml"
        path.write_text(_templates.get_template(scenario).render(values))
        command = [
            *self._toolbox.sipp,
            "-sf",
            str(path),
            "-nostdin",
            "-nd",
            "-default_behaviors",
            "all,-bye,-abortunexp",
            "-aa",
        ]
        command += ["-trace_err", "-error_file", str(self._folder / f"{self.name}.errors"), *arguments]
        errors = self._folder / f"{self.name}.out"
        if on_trace is None:
            self._process = await spawn(command, output=errors, folder=self._folder)
            return
        reading, writing = os.pipe()
        command += ["-trace_msg", "-message_file", f"/dev/fd/{writing}"]
        try:
            self._process = await spawn(command, output=errors, folder=self._folder, pass_fds=(writing,))
        finally:
            os.close(writing)
        self._reader = asyncio.create_task(self._read(reading, on_trace), name=f"trace of {self.name}")

    async def listening(self, address: str, port: int) -> None:
        """Wait until it listens there; `RuntimeError` with its complaint when it ended instead."""
        async with asyncio.timeout(10):
            while not listens(address, port):
                if not self.running:
                    raise RuntimeError(f"{self.name} did not start: {self.complaints()}")
                await asyncio.sleep(0.02)

    async def _read(self, descriptor: int, on_trace: Callable[[bytes], None]) -> None:
        loop = asyncio.get_running_loop()
        stream = asyncio.StreamReader()
        source = os.fdopen(descriptor, "rb", buffering=0)
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), source)
        with contextlib.closing(transport), (self._folder / f"{self.name}.trace").open("ab") as copy:
            while data := await stream.read(65536):
                copy.write(data)
                copy.flush()
                on_trace(data)

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """The process, for measuring it."""
        if self._process is None:
            raise RuntimeError(f"{self.name} is not started")
        return self._process.pid

    async def wait(self, seconds: float) -> int:
        """Wait for its end; the exit status (0: calls went by the scenario). `TimeoutError` when it lives on."""
        if self._process is None:
            raise RuntimeError(f"{self.name} is not started")
        status = await asyncio.wait_for(self._process.wait(), seconds)
        if self._reader:
            await self._reader
        return status

    async def stop(self) -> None:
        """Kill it."""
        if self._process:
            await stop(self._process, gently=False)
        if self._reader:
            await self._reader

    def complaints(self) -> str:
        """What it wrote about errors."""
        files = (self._folder / f"{self.name}.errors", self._folder / f"{self.name}.out")
        return "\n".join(f.read_text(errors="replace")[-2000:] for f in files if f.exists())
