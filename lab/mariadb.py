"""A MariaDB server of our own, in a temporary folder: nothing of an installed one is read, used or changed.

It is set up as unkindly as an old PBX's: Latin letters by default, case ignored, and bad values cut instead of refused.
What the service needs it has to ask for itself.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from lab.processes import free_port

HOST = "127.0.0.1"
USER = "stasis"
PATIENCE = 30.0
"""Seconds the server may take to come up."""

_SMALL = (
    "--innodb-buffer-pool-size=24M",
    "--innodb-log-file-size=8M",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-fast-shutdown=2",
    "--performance-schema=OFF",
)
_UNKIND = ("--character-set-server=latin1", "--collation-server=latin1_swedish_ci", "--sql-mode=")

_CUT = f"""DELIMITER //
BEGIN NOT ATOMIC
  DECLARE until_at DATETIME(6) DEFAULT SYSDATE(6) + INTERVAL {{seconds:.3f}} SECOND;
  REPEAT
    KILL CONNECTION USER {USER};
    DO SLEEP(0.1 * RAND());
  UNTIL SYSDATE(6) >= until_at END REPEAT;
END //
"""


class MariaDbMissing(Exception):
    """The server's programs are not on this machine; the text says what to do."""


class MariaDb:
    """The server. `with MariaDb() as server: url = server.fresh()`; it may be away or frozen for a while.

    `log`: where it says what happens to it, if that is to outlive it.
    """

    def __init__(self, log: Path | None = None) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="stasis-mariadb-"))
        self._log = log or self._folder / "log"
        self.socket = self._folder / "socket"
        self._port = free_port(HOST, socket.SOCK_STREAM)
        self._password = secrets.token_hex(12)
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> MariaDb:
        try:
            self._install()
            self.start()
            self.execute(
                f"CREATE USER {USER}@'%' IDENTIFIED BY '{self._password}';"
                rf"GRANT ALL PRIVILEGES ON `stasis\_%`.* TO {USER}@'%';"
            )
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end(signal.SIGKILL)
        shutil.rmtree(self._folder, ignore_errors=True)

    # ---------------------------------------- what it keeps

    def fresh(self) -> str:
        """The `[storage] url` of a new, empty database."""
        name = f"stasis_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return f"mysql+asyncmy://{USER}:{self._password}@{HOST}:{self._port}/{name}"

    def execute(self, statements: str) -> str:
        """Have the administrator run SQL; the rows as lines, their columns apart by tabs."""
        client = [_program("mariadb"), "--no-defaults", f"--socket={self.socket}", "--user=root", "--batch"]
        told = subprocess.run(
            [*client, "--skip-column-names", "--default-character-set=utf8mb4"],
            input=statements,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        if told.returncode:
            raise RuntimeError(told.stderr.strip())
        return told.stdout

    def cut(self, seconds: float = 0.0) -> None:
        """End every connection of the service's user in whatever it does (KILL); once, or again and again."""
        self.execute(_CUT.format(seconds=seconds))

    # ---------------------------------------- its life

    def start(self) -> None:
        """Start it and wait until it answers."""
        tether = [setpriv, "--pdeathsig", "KILL", "--"] if (setpriv := shutil.which("setpriv")) else []
        ways = [f"--socket={self.socket}", f"--port={self._port}", f"--bind-address={HOST}", "--skip-name-resolve"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*tether, _program("mariadbd"), *self._common(), *ways, *_SMALL, *_UNKIND],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"MariaDB does not come up: {self._log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)

    @contextlib.contextmanager
    def away(self, by: signal.Signals = signal.SIGTERM) -> Iterator[None]:
        """Shut down as an administrator does (SIGTERM) or gone in an instant (SIGKILL), and started again."""
        self._end(by)
        try:
            yield
        finally:
            self.start()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """It hangs: connections stand, new ones are taken by the kernel, and nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def _end(self, by: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(by)
            self._process.wait(PATIENCE)
            self._process = None

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except RuntimeError:
            return False
        return True

    def _common(self) -> list[str]:
        as_root = ["--user=root"] if os.geteuid() == 0 else []  # without it the server refuses to run as root
        return ["--no-defaults", f"--datadir={self._folder / 'data'}", f"--tmpdir={self._folder}", *as_root]

    def _install(self) -> None:
        plain = ("--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve")
        made = subprocess.run(
            [_program("mariadb-install-db"), *self._common(), *plain, "--innodb-log-file-size=8M"],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise RuntimeError(f"mariadb-install-db failed: {(made.stdout + made.stderr)[-2000:]}")


def _program(name: str) -> str:
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if found is None:
        raise MariaDbMissing(f"no {name}; scripts/test sets MariaDB up")
    return found
