"""Reading figures: CPU time and memory of processes, percentiles, the machine they were taken on."""

from __future__ import annotations

import os
import platform
import re
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

_TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")


def cpu_ms(pid: int) -> float:
    """CPU time a process has used since its start, all threads, user and system, in ms (proc_pid_stat(5))."""
    # The name of the program, in brackets, may hold blanks: count the fields behind it.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_MS


def rss_kb(pid: int) -> int:
    """Memory of a process that is in RAM now, in KiB (VmRSS of proc_pid_status(5))."""
    found = re.search(r"^VmRSS:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    if found is None:
        raise RuntimeError(f"process {pid} tells no VmRSS; has it ended?")
    return int(found.group(1))


def pss_kb(pid: int) -> int:
    """Memory of a process in KiB, what it shares with others in equal parts (Pss of proc_pid_smaps_rollup(5))."""
    found = re.search(r"^Pss:\s+(\d+) kB$", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    if found is None:
        raise RuntimeError(f"process {pid} tells no Pss; has it ended?")
    return int(found.group(1))


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles of some times, in ms."""

    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, times: Sequence[float]) -> Spread:
        """Those of `times`; NaN without any."""
        return cls(*(percentile(times, share) for share in (0.50, 0.95, 0.99)))

    def told(self) -> dict[str, float | None]:
        """For a report; None stands for what could not be measured."""
        return {name: plain(getattr(self, name)) for name in self.__slots__}


def percentile(times: Sequence[float], share: float) -> float:
    """The time not exceeded by this share (0 to 1) of `times`; NaN without any."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def median(values: Iterable[float]) -> float:
    """The median of those values that are numbers, NaN without any."""
    numbers = [value for value in values if value == value]
    return statistics.median(numbers) if numbers else float("nan")


def plain(value: float, decimals: int = 2) -> float | None:
    """A figure for a report: None for NaN."""
    return round(value, decimals) if value == value else None


def load() -> float:
    """How many processes wanted a CPU, averaged over the last minute."""
    return round(os.getloadavg()[0], 2)


def machine(asterisk: str = "") -> dict[str, object]:
    """What the figures were taken on. `asterisk` is its version, if it took part."""
    told: dict[str, object] = {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": len(os.sched_getaffinity(0)),
        "cpu": _cpu_name(),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load": load(),
    }
    return {**told, "asterisk": asterisk} if asterisk else told


def _cpu_name() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found.group(1).strip() if found else platform.machine()
