"""The service as a process: it starts though everything else is away, and stops when it is told to."""

import asyncio
import os
import resource
import shutil
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

ROOT = Path(__file__).parents[3]


class Process:
    """`stasis-app run`, and what it says."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.said: list[str] = []
        self.pid = process.pid

    async def says(self, text: str) -> None:
        """Wait until it has said this."""
        assert self._process.stderr is not None
        async with asyncio.timeout(30):
            while line := (await self._process.stderr.readline()).decode():
                self.said.append(line)
                if text in line:
                    return
        raise AssertionError(f"it ended without saying {text!r}: {''.join(self.said)}")

    async def stop(self) -> int:
        self._process.send_signal(signal.SIGTERM)
        return await self.end()

    def kill(self) -> None:
        self._process.kill()

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    async def end(self) -> int:
        async with asyncio.timeout(30):
            _, rest = await self._process.communicate()
        self.said.append(rest.decode())
        return self._process.returncode or 0


@pytest.fixture
async def start(tmp_path, unused_tcp_port):
    """Starts the service with the samples, Asterisk and portal away; overrides by keyword."""
    started: list[asyncio.subprocess.Process] = []
    for name in ("stasis.example.toml", "plan.example.toml"):
        shutil.copy(ROOT / "contrib" / name, tmp_path)

    async def start(*, standby: bool = False, **overrides: str) -> Process:
        environment = {
            **os.environ,
            "HOME": str(tmp_path),
            "STASIS_ASTERISK__URL": "http://127.0.0.1:1",
            "STASIS_HTTP__PORT": str(unused_tcp_port),
            **overrides,
        }
        arguments = [
            "-c",
            "from stasis_app.cli import main; main()",
            "run",
            "-c",
            str(tmp_path / "stasis.example.toml"),
            *(["--standby"] if standby else []),
        ]
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, stderr=asyncio.subprocess.PIPE, env=environment
        )
        started.append(process)
        return Process(process)

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_it_waits_for_asterisk_and_stops_on_sigterm(start, unused_tcp_port):
    service = await start()
    await service.says("is running")

    async with aiohttp.ClientSession(f"http://127.0.0.1:{unused_tcp_port}") as session:
        assert (await session.get("/healthz")).status == 200
        assert (await session.get("/readyz")).status == 503

    assert await service.stop() == 0
    assert "Traceback" not in "".join(service.said)
    assert "change-me" not in "".join(service.said)


async def test_a_plan_with_mistakes_stops_the_start_with_code_2(start, tmp_path):
    plan = tmp_path / "plan.example.toml"
    plan.write_text(plan.read_text().replace('on_no_answer = "sorry"', 'on_no_answer = "sory"', 1))

    service = await start()

    assert await service.end() == 2
    assert 'elements.sales.on_no_answer = "sory"' in "".join(service.said)


async def test_a_port_in_use_stops_the_start(start):
    first = await start()
    await first.says("is running")

    second = await start(STASIS_STORAGE__URL="sqlite+aiosqlite:///another.sqlite")

    assert await second.end() == 1
    assert "Is http.port in use" in "".join(second.said)


async def test_a_second_instance_with_the_same_database_is_refused(start):
    first = await start()
    await first.says("is running")

    second = await start(STASIS_HTTP__PORT="0")

    assert await second.end() == 3
    assert "another instance serves calls" in "".join(second.said)


async def test_a_standby_waits_and_takes_over_from_one_that_stops_is_killed_or_hangs(start):
    first = await start()
    await first.says("is running")
    second, third = await start(standby=True), await start(standby=True)
    await second.says("waiting as a standby")
    await third.says("waiting as a standby")

    assert await first.stop() == 0
    after_stop = asyncio.create_task(second.says("is running")), asyncio.create_task(third.says("is running"))
    done, pending = await asyncio.wait(after_stop, return_when=asyncio.FIRST_COMPLETED)
    assert (len(done), len(pending)) == (1, 1)
    active, waiting = (second, third) if after_stop[0] in done else (third, second)

    active.freeze()
    await pending.pop()
    active.thaw()

    # What was frozen finds that it has been replaced, and waits again in the same process.
    await active.says("steps back")
    await active.says("waiting as a standby")
    waiting.kill()
    await active.says("is running")
    assert await active.stop() == 0


async def test_a_store_that_can_not_be_opened_stops_the_start(start):
    service = await start(STASIS_STORAGE__URL="sqlite+aiosqlite:////no/such/place/stasis.sqlite")

    assert await service.end() == 2
    assert "[storage] url" in "".join(service.said)


HOLD = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
async def held(tmp_path):
    """A new database that another process holds; `release()` lets go of it."""
    file = tmp_path / "held.sqlite"
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD, str(file), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"held\n"

    async def release() -> None:
        await holder.communicate(b"")

    yield f"sqlite+aiosqlite:///{file}", release
    if holder.returncode is None:
        await release()


async def test_it_waits_for_a_database_that_is_held_and_then_runs(start, held):
    url, release = held
    service = await start(STASIS_STORAGE__URL=url)
    await service.says("The start waits for the storage")
    await release()
    await service.says("is running")

    assert await service.stop() == 0


async def test_while_it_waits_for_the_database_it_can_be_stopped(start, held):
    url, _ = held
    service = await start(STASIS_STORAGE__URL=url)
    await service.says("database is locked")

    assert await service.stop() == 0
    assert "Traceback" not in "".join(service.said)


async def test_a_full_disk_and_a_log_that_takes_nothing_are_incidents_and_it_goes_on(start, tmp_path, unused_tcp_port):
    service = await start(STASIS_LOGGING__FILE=str(tmp_path / "stasis.log"))
    await service.says("is running")
    _, hard = resource.prlimit(service.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (100, hard))
    await service.says("Incident log-lost")
    await service.says("Incident storage-refuses")
    await service.says("Incident asterisk-away")
    async with aiohttp.ClientSession(f"http://127.0.0.1:{unused_tcp_port}") as session:
        found = (await (await session.get("/healthz")).json())["incidents"]
        assert {"asterisk-away", "log-lost", "storage-refuses"} <= set(found)
        resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (hard, hard))
        await service.says("Incident storage-refuses is over")
    assert await service.stop() == 0
    assert "Logging error" not in "".join(service.said)
