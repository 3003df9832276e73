"""One HTTP exchange with a portal or OAuth server: what came back, or why nothing readable did."""

from __future__ import annotations

import asyncio
import io
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
from multidict import CIMultiDict

from b24client.documented import documented
from b24client.errors import B24Error, BadReply, Temporary, UnknownOutcome
from b24client.masking import excerpt

MAX_REPLY = 64 * 1024 * 1024
"""Longest answer read, bytes."""
_CONNECT_SECONDS = 10.0
_AT_ONCE = 512 * 1024  # bytes of a body that are written in one go
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
# Made once and ready for aiohttp; a form with a file names its own kind.
_HEADERS: Mapping[str | None, CIMultiDict[str]] = {
    None: CIMultiDict(),
    **{kind: CIMultiDict({"Content-Type": kind}) for kind in (JSON, FORM)},
}
MaySend = Callable[[], Awaitable[bool]]
"""Whether a request may go out; False: another program speaks with the portal now."""
_REDIRECTS = (301, 302, 307, 308)


@dataclass(frozen=True, slots=True, repr=False)
class Outgoing:
    """A request about to be sent. Its address and body hold secrets, so it has no telling repr.

    `fresh` builds the body anew (a form with a file can be sent only once); `repeatable`: sending it twice is harmless.
    """

    method: str
    url: str
    fresh: Callable[[], Any]
    repeatable: bool
    token: str = ""
    content_type: str | None = JSON

    def __repr__(self) -> str:
        return f"<Outgoing {self.method}>"


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """What came back: the decoded JSON object, or the address the portal says it has moved to.

    It may hold tokens, so it has no telling repr either.
    """

    status: int
    body: dict[str, Any]
    moved_to: str = ""
    retry_after: float | None = None

    def __repr__(self) -> str:
        return f"<Answer {self.status}>"


class Transport:
    """Sends requests over one keep-alive session. `may_send` is asked before each, in the moment it goes out."""

    def __init__(
        self,
        session: aiohttp.ClientSession | None,
        ca_file: Path | None,
        secrets: Callable[[], Iterable[str]],
        may_send: MaySend | None = None,
    ) -> None:
        self._given = session
        self._session = session
        self._ca_file = ca_file
        self._secrets = secrets
        self._may_send = may_send
        self._closed = False
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS)

    async def start(self) -> None:
        """Open the session unless one was given. Raises RuntimeError once it has been closed."""
        if self._closed:
            raise RuntimeError("the portal has been closed; open another Portal")
        if self._session is not None:
            return
        context = await asyncio.to_thread(tls_context, self._ca_file)
        if self._session is None:  # nobody else opened one meanwhile
            connector = aiohttp.TCPConnector(limit=200, keepalive_timeout=30, ssl=context)
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    async def aclose(self) -> None:
        """Close the session if it is ours."""
        self._closed = True
        if self._session is not None and self._session is not self._given:
            await self._session.close()

    async def post(self, request: Outgoing) -> Answer:
        """Send a request and read the answer.

        Raises Temporary when it surely was not carried out or may be sent again, UnknownOutcome when it may have been
        carried out, BadReply when the answer to a harmless request can't be read.
        """
        outcome = await self._exchange(request)
        if isinstance(outcome, _Stale) and request.repeatable:
            outcome = await self._exchange(request)  # the server had closed the idle connection we took
        if isinstance(outcome, _Stale):
            outcome = _lost(request, "the connection broke before an answer")
        if isinstance(outcome, B24Error):
            raise outcome
        return outcome

    async def _exchange(self, request: Outgoing) -> Answer | B24Error | _Stale:
        if self._closed:
            return Temporary(request.method, "", "not sent: the connection to the portal has been closed")
        if self._session is None:
            await self.start()
        assert self._session is not None
        if self._may_send is not None and not await self._may_send():
            return Temporary(request.method, "", "not sent: it is not for this program any more")
        try:
            async with self._session.post(
                request.url,
                data=_in_pieces(request.fresh()),
                headers=_HEADERS[request.content_type],
                allow_redirects=False,
                timeout=self._timeout,
            ) as response:
                raw = await _limited(response)
                return self._answer(request, response, raw)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return Temporary(request.method, "", f"no connection to the portal: {_why(error)}")
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            return _Stale()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return _lost(request, f"the answer broke off: {type(error).__name__}")
        except BaseException as error:
            # Cancelled, mostly. The frames beneath hold objects that show the request's address, and a traceback with
            # the values of variables would tell it: they are cut off.
            raise error.with_traceback(None) from None

    def _answer(self, request: Outgoing, response: aiohttp.ClientResponse, raw: bytes | None) -> Answer | B24Error:
        status = response.status
        if status in _REDIRECTS:
            address = response.headers.get("Location", "")
            if not _is_address(address):
                return BadReply(request.method, "", "a redirect that names no address", status)
            return Answer(status, {}, moved_to=address)
        if raw is None:
            return self._unreadable(request, status, f"an answer of more than {MAX_REPLY} bytes")
        try:
            body = orjson.loads(raw)
        except orjson.JSONDecodeError:
            body = None
        if not isinstance(body, dict):
            beginning = excerpt(raw, self._secrets()) or "empty"
            return self._unreadable(request, status, f"not the documented JSON object: {beginning}")
        if "error" in body:
            body = documented(body, self._secrets)
        return Answer(status, body, retry_after=_seconds(response.headers.get("Retry-After")))

    def _unreadable(self, request: Outgoing, status: int, text: str) -> B24Error:
        if status == 503 or (status >= 500 and request.repeatable):
            return Temporary(request.method, "", text, status)
        if not request.repeatable and (status >= 500 or status < 300):
            return UnknownOutcome(request.method, "", text, status)
        return BadReply(request.method, "", text, status)


class _Stale:
    """A connection that broke before a byte of an answer."""


def _in_pieces(body: Any) -> Any:
    """A long body as a stream, so that writing it does not hold up the loop."""
    return io.BytesIO(body) if isinstance(body, bytes) and len(body) > _AT_ONCE else body


def _lost(request: Outgoing, text: str) -> B24Error:
    return (Temporary if request.repeatable else UnknownOutcome)(request.method, "", text)


async def _limited(response: aiohttp.ClientResponse) -> bytes | None:
    """The whole body, or None when it is longer than any answer of a portal should be."""
    length = response.content_length
    if length is not None and "Content-Encoding" not in response.headers:
        return await response.read() if length <= MAX_REPLY else None
    parts, size = [], 0
    async for part in response.content.iter_chunked(65_536):
        size += len(part)
        if size > MAX_REPLY:
            return None
        parts.append(part)
    return b"".join(parts)


def _why(error: Exception) -> str:
    """The reason of a failed connection without its address."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "its certificate is not trusted (name a ca_file for an own authority)"
    cause = getattr(error, "os_error", None)
    return (getattr(cause, "strerror", None) or "") if cause else type(error).__name__


def _seconds(header: str | None) -> float | None:
    text = header.strip() if header else ""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _is_address(location: str) -> bool:
    try:
        parts = urlsplit(location)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """For connections to a portal; `ca_file` is the certificate of an authority trusted besides the usual ones."""
    if ca_file is None:
        return _usual_context()
    context = ssl.create_default_context()
    context.load_verify_locations(cafile=str(ca_file))
    return context


@cache
def _usual_context() -> ssl.SSLContext:
    """Reading the certificates of all usual authorities takes a while, so it is done once."""
    return ssl.create_default_context()
