"""aioari's transport: its REST requests in two lanes, credentials in a header, typed errors, a time limit on each.

aioari builds requests from the server's API description and hands them to an aioswagger11 `HttpClient`. This is that
interface. Parameters travel in a JSON body with their own types, so that booleans are booleans and long values meet no
limit of the request line; only GET has its parameters in the query.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

import aiohttp
import orjson
from aioswagger11.http_client import HttpClient

from stasis_app.ari.errors import AriError, LinkDown, SteppedBack, TimedOut, error_for
from stasis_app.ari.events import PlaybackFinished, RecordingFailed, RecordingFinished, RestResponse
from stasis_app.ari.lanes import Lanes, channels_of, starts_playing


def basic_auth(username: str, password: str) -> dict[str, str]:
    """The Authorization header of HTTP Basic authentication (RFC 7617)."""
    token = base64.b64encode(f"{username}:{password}".encode()).decode()
    return {"Authorization": f"Basic {token}"}


class RequestSocket(Protocol):
    """A websocket requests may go over."""

    async def send_str(self, data: str) -> None: ...


class Reply:
    """A reply as aioari reads it: `status` and `await text()`."""

    __slots__ = ("_text", "status")

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        self._text = text

    async def text(self) -> str:
        """The body, "" when there is none."""
        return self._text


class TwoLaneTransport(HttpClient):
    """Carries requests over the event websocket when there is one and the request can't hold it up, else over HTTP.

    Args:
        session: keep-alive HTTP connections to the server; closed by whoever made it.
        base_url: address of ARI, e.g. `http://127.0.0.1:8088/ari`.
        timeout: seconds a request may take.
        may_act: asked before each request; False: another instance has taken over.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        *,
        timeout: float,
        may_act: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        self._session = session
        self._base = base_url.rstrip("/") + "/"
        self._timeout = timeout
        self._may_act = may_act
        self._socket: RequestSocket | None = None
        self._waiting: dict[str, asyncio.Future[RestResponse]] = {}
        self._next_id = 0
        self.lanes = Lanes()
        self.sent = {"websocket": 0, "http": 0}

    # The interface of aioswagger11's HttpClient

    async def request(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any] | None = None,
        data: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send one request and return its reply.

        Raises:
            AriError: as `stasis_app.ari.errors` tells; `LinkDown` and `TimedOut` leave open whether it was done.
        """
        if self._may_act is not None and not await self._may_act():
            raise SteppedBack(method, "another instance has taken over")
        path = url.removeprefix(self._base)
        body: dict[str, Any] = {**orjson.loads(data)} if data else {}
        if method != "GET":
            body.update(params or {})
        query = "?" + urlencode(params) if method == "GET" and params else ""
        operation = f"{method} {urlsplit(path).path}"
        channels = channels_of(path, body)
        if "channel" in body:
            body["channel"] = channels  # aioari joins lists by commas, which a JSON body does not know
        socket = None if self.lanes.may_wait(path, channels) else self._socket
        # Occupied before it is sent: PlaybackFinished may come before the reply. An order to play does not wait itself,
        # and keeps its channel occupied until then; also when no reply came, since it may play all the same.
        plays = starts_playing(method, path)
        occupied = channels if socket is None or plays else ()
        self.lanes.occupy(occupied)
        try:
            async with asyncio.timeout(self._timeout):
                if socket is not None:
                    status, text = await self._by_websocket(socket, method, path + query, body, operation)
                else:
                    status, text = await self._by_http(method, path + query, body, operation)
            if status >= 400:
                plays = False
                raise error_for(operation, status, _message(text))
        except TimeoutError:
            raise TimedOut(operation, f"no answer within {self._timeout:g} s") from None
        finally:
            if not plays:
                self.lanes.release(occupied)
        return Reply(status, text)

    async def ws_connect(self, url: str, params: Mapping[str, Any] | None = None) -> None:
        """Not offered: the one websocket belongs to the link."""
        raise AriError("GET events", "the event websocket is opened by the link, not through aioari")

    async def close(self) -> None:
        """Nothing to close: session and websocket belong to the link."""

    # What the link tells

    def attach(self, socket: RequestSocket) -> None:
        """From now on requests may go over this websocket."""
        self._socket = socket

    def detach(self) -> None:
        """The websocket is gone: whoever waits for a reply on it learns that the outcome is unknown."""
        self._socket = None
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(LinkDown("REST", "the websocket closed before the answer came"))

    def answered(self, response: RestResponse) -> None:
        """A reply came over the websocket. One nobody waits for any more (it timed out) is dropped."""
        future = self._waiting.get(response.request_id)
        if future and not future.done():
            future.set_result(response)

    def finished(self, event: PlaybackFinished | RecordingFinished | RecordingFailed) -> None:
        """A prompt or a recording ended, so its channel no longer makes requests wait."""
        target = event.playback.target_uri if isinstance(event, PlaybackFinished) else event.recording.target_uri
        kind, _, channel = target.partition(":")
        if kind == "channel":
            self.lanes.release((channel,))

    # The lanes

    async def _by_websocket(
        self, socket: RequestSocket, method: str, uri: str, body: dict[str, Any], operation: str
    ) -> tuple[int, str]:
        self._next_id += 1
        request_id = str(self._next_id)
        request = {"type": "RESTRequest", "request_id": request_id, "method": method, "uri": uri}
        if body:
            request["content_type"] = "application/json"
            request["message_body"] = orjson.dumps(body).decode()
        reply: asyncio.Future[RestResponse] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = reply
        self.sent["websocket"] += 1
        try:
            await socket.send_str(orjson.dumps(request).decode())
            response = await reply
        except (ConnectionError, aiohttp.ClientError) as error:
            raise LinkDown(operation, f"the websocket broke: {type(error).__name__}") from None
        finally:
            self._waiting.pop(request_id, None)
        return response.status_code, response.message_body

    async def _by_http(self, method: str, uri: str, body: dict[str, Any], operation: str) -> tuple[int, str]:
        self.sent["http"] += 1
        if self._session.closed:
            raise LinkDown(operation, "the link is closed")
        try:
            async with self._session.request(
                method,
                self._base + uri,
                data=orjson.dumps(body) if body else None,
                headers={"Content-Type": "application/json"} if body else None,
            ) as response:
                return response.status, await response.text(errors="replace")
        except aiohttp.ClientError as error:
            raise LinkDown(operation, f"HTTP request failed: {type(error).__name__}") from None


def _message(text: str) -> str:
    """What a refusal says: `message`, or `error` for status 500; else the beginning of the text."""
    try:
        reply = orjson.loads(text)
    except ValueError:
        reply = None
    if isinstance(reply, dict):
        return str(reply.get("message") or reply.get("error") or "no reason given")[:200]
    return text[:200] or "no reason given"
