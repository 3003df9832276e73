"""What can be wrong with the storage."""

from __future__ import annotations

import errno
from collections.abc import Sequence

from sqlalchemy.exc import SQLAlchemyError

_SQLITE_PASSING = frozenset({5, 6, 10, 13})
"""SQLITE_BUSY, LOCKED, IOERR, FULL (https://sqlite.org/rescode.html)."""
_MARIADB_PASSING = frozenset(
    {1021, 1030, 1040, 1053, 1114, 1203, 1205, 1213, 1226, 1290, 1317, 1836, 1927, 2002, 2003, 2006, 2013}
)
"""Disk full, too many connections, locked, read only, shutting down, away, went away
(https://mariadb.com/kb/en/mariadb-error-codes/)."""
_MARIADB_REMEDIES = {
    1044: "let this user do everything in this database (GRANT ALL)",
    1045: "check user and password",
    1049: "create it (CREATE DATABASE) and let this user do everything in it (GRANT ALL)",
    1142: "let this user do everything in this database (GRANT ALL)",
    1193: "use MariaDB 10.3 or newer",
}
_PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EMFILE, errno.ENFILE})


class StoreError(Exception):
    """The storage can't be used; the text says what is wrong and how to mend it.

    `passing`: it is configured well and may work by itself later (the disk is full, the database locked or away).
    """

    def __init__(self, text: str, *, passing: bool = False) -> None:
        super().__init__(text)
        self.passing = passing


def is_passing(error: Exception) -> bool:
    """Whether what is wrong with the database or its file may pass by itself."""
    if isinstance(error, OSError):
        return error.errno in _PASSING
    origin = getattr(error, "orig", None) if isinstance(error, SQLAlchemyError) else None
    code = getattr(origin, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in _SQLITE_PASSING
    return isinstance(origin, TimeoutError) or _mariadb_code(origin) in _MARIADB_PASSING


def remedy(error: SQLAlchemyError) -> str:
    """What mends a database that can't be opened."""
    code = _mariadb_code(getattr(error, "orig", None))
    return _MARIADB_REMEDIES.get(code, "check that the path or server exists and that this user may write to it")


def _mariadb_code(origin: object) -> int:
    told: Sequence[object] = getattr(origin, "args", ())
    return told[0] if told and isinstance(told[0], int) else 0
