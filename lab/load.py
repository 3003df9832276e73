"""Load for measuring: many calls a second from the trunk, answered by desk phones. Sound is left out."""

from __future__ import annotations

import asyncio
import csv
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.asterisk import PBX_ADDRESS, PHONE_ADDRESS, TRUNK_ADDRESS, Asterisk
from lab.phones import REFUSALS, Manner, answering, register
from lab.processes import free_port
from lab.sipp import Sipp

SILENT_PORT = 9  # the discard port: nobody speaks
_serial = itertools.count(1)


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What came of a run. `answer_ms` holds the time from INVITE to 200 of every call that was answered."""

    offered: int
    answer_ms: Sequence[float]
    failed: int

    @property
    def answered(self) -> int:
        return len(self.answer_ms)

    def percentile(self, share: float) -> float:
        """The answer time not exceeded by this share (0 to 1) of the calls, in ms; 0 without calls."""
        times = sorted(self.answer_ms)
        return times[min(len(times) - 1, int(share * len(times)))] if times else 0.0


class LoadPhones:
    """Desk phones in one SIPp process, all with the same manner; they take any number of calls at once.

    `on_trace` is given the trace of their SIP messages as it grows (`lab.truth.Trace` reads it); that costs CPU.
    """

    def __init__(
        self,
        pbx: Asterisk,
        folder: Path,
        extensions: Sequence[str],
        *,
        ring_s: float = 0.1,
        on_trace: Callable[[bytes], None] | None = None,
    ) -> None:
        self._pbx, self._folder, self._extensions = pbx, folder, extensions
        self._ring_s = ring_s
        self._on_trace = on_trace
        self._sipp = Sipp(pbx.toolbox, folder, f"load-phones-{next(_serial)}")

    async def __aenter__(self) -> LoadPhones:
        port = free_port(PHONE_ADDRESS)
        await self._sipp.start(
            "answering.xml",
            answering(self._pbx, [Manner("[0-9]*", ring_s=self._ring_s)], SILENT_PORT),
            ["-i", PHONE_ADDRESS, "-p", str(port), "-buff_size", "4194304"],
            self._on_trace,
        )
        await self._sipp.listening(PHONE_ADDRESS, port)
        await register(self._pbx, self._folder, self._extensions, port)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._sipp.stop()

    @property
    def pid(self) -> int:
        """The process, for measuring it."""
        return self._sipp.pid


async def offer(
    pbx: Asterisk,
    folder: Path,
    numbers: Sequence[str],
    *,
    rate: float,
    calls: int,
    hold_s: float = 2.0,
    callers: Sequence[str] = (),
    patience_s: float = 30.0,
) -> LoadResult:
    """Offer `calls` calls at `rate` a second to the numbers in turn, each hung up `hold_s` seconds after the answer.

    `callers` are the customers' numbers, taken in turn; without them every call comes from a number of its own. Who is
    not answered within `patience_s` seconds gives up.

    Raises:
        TimeoutError: SIPp does not come to an end, because calls are left that Asterisk no longer speaks about.
    """
    name = f"load-{next(_serial)}"
    from_numbers = callers or [f"7903{n:07d}" for n in range(calls)]
    rows = (f"{to};{by}" for to, by, _ in zip(itertools.cycle(numbers), itertools.cycle(from_numbers), range(calls)))
    source = folder / f"{name}.csv"
    source.write_text("SEQUENTIAL\n" + "\n".join(rows) + "\n")
    sipp = Sipp(pbx.toolbox, folder, name)
    port = free_port(TRUNK_ADDRESS)
    await sipp.start(
        "load.xml",
        {
            "pbx": f"{PBX_ADDRESS}:{pbx.sip_port}",
            "media_port": SILENT_PORT,
            "hold_ms": round(hold_s * 1000),
            "patience_ms": round(patience_s * 1000),
            "refusals": REFUSALS,
        },
        [
            *("-i", TRUNK_ADDRESS, "-p", str(port), "-inf", str(source), "-r", str(rate), "-m", str(calls)),
            *("-l", str(calls), "-trace_rtt", "-rtt_freq", "1", "-buff_size", "4194304"),
            f"{PBX_ADDRESS}:{pbx.sip_port}",
        ],
    )
    try:
        await sipp.wait(calls / rate + hold_s + patience_s + 60)
    except TimeoutError:
        raise TimeoutError(f"{calls} calls at {rate:g}/s do not come to an end: {sipp.complaints()}") from None
    finally:
        await sipp.stop()
    times = await asyncio.to_thread(_response_times, folder, name)
    return LoadResult(calls, times, calls - len(times))


def _response_times(folder: Path, name: str) -> list[float]:
    """SIPp's own file of response times: a line per call with the date, the time in ms and the timer's name."""
    times = []
    for file in folder.glob(f"{name}_*_rtt.csv"):
        with file.open(newline="") as lines:
            rows = csv.reader(lines, delimiter=";")
            next(rows, None)
            times += [float(row[1]) for row in rows if len(row) > 1]
    return times
