"""Calls are tested on a clock that jumps: nobody waits for a ring time, and a test that would wait for ever fails."""

import asyncio
import selectors
from collections.abc import Callable


class _JumpingSelector(selectors.DefaultSelector):
    """Never waits: when nothing is ready, the clock goes on to the next thing that is due."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("nothing is due any more: this test would wait for ever")
            self.clock += max(0.0, timeout)
        return ready


class _JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.clock


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"clock jumps": _JumpingLoop}
