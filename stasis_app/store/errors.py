"""What can be wrong with the storage."""

from __future__ import annotations

import errno
from collections.abc import Sequence

from sqlalchemy.exc import SQLAlchemyError

_SQLITE_PASSING = frozenset({5, 6, 10, 13})
"""SQLITE_BUSY, LOCKED, IOERR, FULL (https://sqlite.org/rescode.html)."""
_MYSQL_PASSING = frozenset({1040, 2002, 2003, 2006, 2013})
"""Too many connections, and a server that is away or went away."""
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
    told: Sequence[object] = getattr(origin, "args", ())
    return bool(told) and told[0] in _MYSQL_PASSING
