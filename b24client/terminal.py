"""What the commands of `b24` share: getting at the portal, saying what went wrong, showing how far it is."""

from __future__ import annotations

import asyncio
import os
import ssl
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from b24client.auth import WebhookAuth
from b24client.budget import Limits
from b24client.errors import AccessDenied, B24Error, BadReply, LimitExceeded, Temporary, UnknownOutcome
from b24client.lists import Progress as Told
from b24client.portal import Portal

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Access:
    """Which portal, and how to reach it."""

    auth: WebhookAuth
    limits: Limits
    allow_http: bool
    ca_file: Path | None
    timeout: float

    def portal(self) -> Portal:
        return Portal(
            self.auth, limits=self.limits, timeout=self.timeout, allow_http=self.allow_http, ca_file=self.ca_file
        )


def asked(context: typer.Context, ask: Callable[[Portal], Awaitable[T]]) -> T:
    """What a portal answers. Ends the program with one line when it does not."""
    access: Access = context.obj()

    async def run() -> T:
        async with access.portal() as portal:
            return await ask(portal)

    try:
        return asyncio.run(run())
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # who read us has seen enough
        raise typer.Exit(0) from None
    except B24Error as error:
        fail(advice(error))
    except ssl.SSLError:
        usage(f"{access.ca_file}: not a certificate in PEM form")
    except (ValueError, OSError) as error:
        usage(str(error).replace("allow_http", "--allow-http"))


def advice(error: B24Error) -> str:
    """The error and what can be done about it, in one line."""
    text = " ".join(str(error).split())
    match error:
        case AccessDenied():
            return text
        case LimitExceeded():
            return f"{text}; try again in {error.retry_after:.0f} s"
        case Temporary():
            return f"{text}; try again later"
        case UnknownOutcome():
            return f"{text}; it may have been carried out, so look before you repeat it"
        case BadReply():
            return f"{text}; check that the address is that of a portal"
    return text


def webhook(file: Path | None) -> WebhookAuth:
    """The webhook, from where no other user of the machine can see it."""
    address = os.environ.get("B24_WEBHOOK", "")
    if file is not None:
        address = content(file).decode("utf-8", "replace")
        if str(file) != "-" and file.stat().st_mode & 0o077:
            typer.echo(f"b24: warning: {file} can be read by others on this machine; chmod 600 {file}", err=True)
    if not address.strip():
        if not sys.stdin.isatty():
            usage("which portal? Put the webhook's address into B24_WEBHOOK or a file (--webhook-file)")
        address = typer.prompt("Address of the webhook", hide_input=True, err=True)
    try:
        return WebhookAuth(address)
    except ValueError as error:
        usage(str(error))


def content(file: Path) -> bytes:
    """What is in a file; - is standard input."""
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        usage(f"{file}: {error.strerror}")


@contextmanager
def bar(text: str) -> Iterator[Told | None]:
    """A progress bar where somebody looks on, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    columns = (
        SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(),
        TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(text, total=None)

        def told(read: int, total: int | None) -> None:
            shown.update(task, completed=read, total=total)

        yield told


def fail(text: str) -> NoReturn:
    """End the program: the portal did not do what was asked."""
    typer.echo(f"b24: {text}", err=True)
    raise typer.Exit(1)


def usage(text: str) -> NoReturn:
    """End the program: it was called wrongly."""
    typer.echo(f"b24: {text}", err=True)
    raise typer.Exit(2)
