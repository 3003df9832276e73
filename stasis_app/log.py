"""The log: loguru on the console and in a file, for people or as JSON lines, with the call's id on every line.

Whatever is logged, by us or by a library, goes through a `Redactor` first, and a message never spans lines, so a caller
whose name is a forged log line is seen as what he is.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any, TextIO

import orjson
from loguru import logger

from stasis_app.log_file import LogFile
from stasis_app.redaction import Redactor, printable
from stasis_app.settings import LoggingSettings

if TYPE_CHECKING:
    from loguru import Record

NO_CALL = "-"


@dataclass(frozen=True, slots=True)
class Log:
    """The log of this process."""

    redactor: Redactor
    file: LogFile | None = None

    def hide(self, secret: str) -> None:
        """Keep a secret learnt later (a renewed token) out of the log."""
        self.redactor.add(secret)

    def trouble(self) -> str:
        """Why the log's file takes nothing; "" when it does."""
        return self.file.trouble if self.file else ""


def set_up_logging(settings: LoggingSettings, secrets: Iterable[str] = (), *, console: TextIO | None = None) -> Log:
    """Send all logging of this process where `settings` say."""
    redactor = Redactor(secrets, mask_numbers=settings.mask_numbers)
    logger.remove()
    logger.configure(extra={"call": NO_CALL}, patcher=lambda record: _cleaned(record, redactor))
    form = _json_line if settings.as_json else _text_line
    # diagnose shows the values of variables in tracebacks: passwords among them.
    logger.add(
        console or sys.stderr,
        level=settings.level,
        format=form,
        colorize=None if not settings.as_json else False,
        backtrace=False,
        diagnose=False,
    )
    file: LogFile | None = None
    if settings.file:
        file = LogFile(settings.file, rotate_bytes=settings.rotate_megabytes * 1_000_000, keep_days=settings.keep_days)
        logger.add(file, level=settings.level, format=form, colorize=False, backtrace=False, diagnose=False)
    logging.basicConfig(handlers=[_Intercept()], level=logging.WARNING, force=True)
    return Log(redactor, file)


def _cleaned(record: Record, redactor: Redactor) -> None:
    record["message"] = printable(redactor(record["message"]))
    extra = record["extra"]
    for key, value in extra.items():
        if not isinstance(value, int | float | bool | None):
            extra[key] = printable(redactor(str(value)))
    if failure := record["exception"]:
        text = "".join(traceback.format_exception(failure.type, failure.value, failure.traceback))
        extra["_traceback"] = [printable(line) for line in redactor(text).splitlines()]


def _text_line(record: Record) -> str:
    """Template of a line for people. A traceback is indented, so none of its lines can pass for a log line."""
    shown = [key for key in record["extra"] if key != "call" and not key.startswith("_")]
    more = "".join(f" {key}={{extra[{key}]}}" for key in shown if key.isidentifier())
    record["extra"]["_after"] = "".join(f"\n    | {line}" for line in record["extra"].get("_traceback", ()))
    return (
        "<green>{time:YYYY-MM-DD HH:mm:ss.SSS ZZ}</green> <level>{level: <7}</level> <cyan>[{extra[call]}]</cyan> "
        f"{{name}}: <level>{{message}}</level>{more}{{extra[_after]}}\n"
    )


def _json_line(record: Record) -> str:
    extra = record["extra"]
    line: dict[str, Any] = {
        "at": record["time"].isoformat(),
        "level": record["level"].name,
        "call": extra["call"] if extra["call"] != NO_CALL else None,
        "module": record["name"],
        "message": record["message"],
        **{key: value for key, value in extra.items() if key != "call" and not key.startswith("_")},
    }
    if "_traceback" in extra:
        line["traceback"] = "\n".join(extra["_traceback"])
    extra["_json"] = orjson.dumps(line, default=str).decode()
    return "{extra[_json]}\n"


class _Intercept(logging.Handler):
    """Passes records of the standard library's logging on to loguru."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            level: str | int = logger.level(record.levelname).name
        except ValueError:
            level = record.levelno
        frame: FrameType | None = logging.currentframe()
        depth = 2
        while frame and frame.f_code.co_filename == logging.__file__:
            frame = frame.f_back
            depth += 1
        logger.opt(depth=depth, exception=record.exc_info).log(level, "{}", record.getMessage())
