"""A server that speaks ARI over real sockets and does what a test tells it to.

It keeps no calls: it serves a description of the operations the service uses, a list of channels and bridges, takes
requests on both lanes (those of the websocket one after another, as Asterisk does), and notes how each came.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from aiohttp import WSMsgType, web

USERNAME, PASSWORD, APP = "stasis", "a-password:with/odd?parts", "stasis-app"

# resource: (method, path, operation, parameters; "name:type", string if no type is given)
_OPERATIONS: dict[str, list[tuple[str, str, str, str]]] = {
    "applications": [("POST", "/applications/{applicationName}/subscription", "subscribe", "eventSource")],
    "asterisk": [("GET", "/asterisk/info", "getInfo", "only")],
    "bridges": [
        ("GET", "/bridges", "list", ""),
        ("POST", "/bridges/{bridgeId}", "createWithId", "type name"),
        ("DELETE", "/bridges/{bridgeId}", "destroy", ""),
        ("POST", "/bridges/{bridgeId}/addChannel", "addChannel", "channel role mute:boolean"),
        ("POST", "/bridges/{bridgeId}/play/{playbackId}", "playWithId", "media"),
        ("POST", "/bridges/{bridgeId}/record", "record", "name format beep:boolean maxDurationSeconds:int"),
    ],
    "channels": [
        ("GET", "/channels", "list", ""),
        ("POST", "/channels/create", "create", "endpoint app appArgs channelId originator variables:containers"),
        (
            "POST",
            "/channels/{channelId}",
            "originateWithId",
            "endpoint app appArgs callerId timeout:int originator variables:containers",
        ),
        ("DELETE", "/channels/{channelId}", "hangup", "reason_code"),
        ("POST", "/channels/{channelId}/answer", "answer", ""),
        ("POST", "/channels/{channelId}/continue", "continueInDialplan", "context extension priority:int"),
        ("POST", "/channels/{channelId}/dial", "dial", "caller timeout:int"),
        ("POST", "/channels/{channelId}/play", "play", "media playbackId"),
        ("POST", "/channels/{channelId}/record", "record", "name format beep:boolean maxDurationSeconds:int"),
        ("POST", "/channels/{channelId}/snoop/{snoopId}", "snoopChannelWithId", "spy whisper app appArgs"),
        ("POST", "/channels/{channelId}/ring", "ring", ""),
        ("DELETE", "/channels/{channelId}/ring", "ringStop", ""),
        ("POST", "/channels/{channelId}/variable", "setChannelVar", "variable value"),
    ],
    "playbacks": [("DELETE", "/playbacks/{playbackId}", "stop", "")],
    "recordings": [
        ("GET", "/recordings/live/{recordingName}", "getLive", ""),
        ("POST", "/recordings/live/{recordingName}/stop", "stop", ""),
        ("POST", "/recordings/live/{recordingName}/mute", "mute", ""),
        ("DELETE", "/recordings/live/{recordingName}/mute", "unmute", ""),
    ],
}


@dataclass(frozen=True)
class Request:
    """A request as it arrived."""

    lane: str  # websocket or http
    method: str
    path: str  # without /ari/
    query: dict[str, str]
    body: dict[str, Any]
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def operation(self) -> str:
        return f"{self.method} {self.path}"


class AriServer:
    """Start it with `async with`; `url` is what the service is told."""

    def __init__(self, version: str = "22.10.1") -> None:
        self.version = version
        self.password = PASSWORD
        self.channels: list[object] = []
        self.bridges: list[object] = []
        self.requests: list[Request] = []
        self.replies: dict[str, tuple[int, object]] = {}  # by "METHOD path"; the rest is 204 or an empty list
        self.files: dict[str, bytes] = {}
        self.deaf_to_pings = False
        self.closes_at_once = False
        self.on_connect: Callable[[], None] = lambda: None
        self._gates: dict[str, asyncio.Event] = {}
        self._sockets: list[tuple[web.WebSocketResponse, web.Request]] = []
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> AriServer:
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    async def start(self, port: int = 0) -> None:
        app = web.Application()
        app.router.add_get("/ari/events", self._events)
        app.router.add_route("*", "/ari/{path:.*}", self._http)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        for gate in self._gates.values():
            gate.set()
        for socket, _ in self._sockets:
            await socket.close()
        if self._runner is not None:
            await self._runner.cleanup()

    # What a test does

    def hold(self, operation: str) -> None:
        """Requests that begin like this are not answered until `let`."""
        self._gates[operation] = asyncio.Event()

    def let(self, operation: str) -> None:
        self._gates.pop(operation).set()

    async def tell(self, *messages: object) -> None:
        """Send messages (JSON, or text as it is) over the newest event websocket."""
        for message in messages:
            text = message if isinstance(message, str) else json.dumps(message)
            await self._sockets[-1][0].send_str(text)

    async def close(self) -> None:
        """Close the event websocket as a server that goes down in good order does."""
        await self._sockets[-1][0].close()

    def cut(self) -> None:
        """Cut the connection of the event websocket without a word."""
        transport = self._sockets[-1][1].transport
        assert transport is not None
        transport.abort()

    async def connection(self, number: int) -> None:
        """Wait for the event websocket to be opened for the n-th time."""
        await self._until(lambda: len(self._sockets) >= number)

    async def asked(self, operation: str, times: int = 1) -> list[Request]:
        """Wait for requests that begin like this."""
        await self._until(lambda: len(self.seen(operation)) >= times)
        return self.seen(operation)

    def seen(self, operation: str) -> list[Request]:
        return [request for request in self.requests if request.operation.startswith(operation)]

    @property
    def connections(self) -> int:
        return len(self._sockets)

    async def _until(self, ready: Callable[[], bool]) -> None:
        async with asyncio.timeout(5), self._changed:
            await self._changed.wait_for(ready)

    async def _note(self, request: Request | None = None) -> None:
        async with self._changed:
            if request is not None:
                self.requests.append(request)
            self._changed.notify_all()

    # What it serves

    def _welcome(self, request: web.Request) -> bool:
        token = base64.b64encode(f"{USERNAME}:{self.password}".encode()).decode()
        return request.headers.get("Authorization") == f"Basic {token}"

    async def _http(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        text = await request.text()
        body = json.loads(text) if text else {}
        seen = Request("http", request.method, path, dict(request.query), body, str(request.url), dict(request.headers))
        await self._note(seen)
        if not self._welcome(request):
            return web.json_response({"message": "Authentication required"}, status=401)
        if path in self.files:
            return web.Response(body=self.files[path])
        status, answer = await self._carry_out(seen)
        return web.Response(status=status) if answer is None else web.json_response(answer, status=status)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        headers = dict(request.headers)
        await self._note(Request("http", "GET", "events", dict(request.query), {}, str(request.url), headers))
        if not self._welcome(request):
            return web.json_response({"message": "Authentication required"}, status=401)
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        self._sockets.append((socket, request))
        self.on_connect()
        await self._note()
        if self.closes_at_once:
            await socket.close()
        async for message in socket:
            if message.type is WSMsgType.PING and not self.deaf_to_pings:
                await socket.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                await self._by_websocket(socket, json.loads(message.data))
        return socket

    async def _by_websocket(self, socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        uri = urlsplit(asked["uri"])
        body = json.loads(asked.get("message_body") or "{}")
        request = Request("websocket", asked["method"], uri.path, dict(parse_qsl(uri.query)), body, asked["uri"])
        await self._note(request)
        status, answer = await self._carry_out(request)
        reply = {
            "type": "RESTResponse",
            "request_id": asked["request_id"],
            "status_code": status,
            "reason_phrase": "",
            "uri": asked["uri"],
            "message_body": "" if answer is None else json.dumps(answer),
        }
        with contextlib.suppress(ConnectionError):  # the connection may have been cut meanwhile
            await socket.send_str(json.dumps(reply))

    async def _carry_out(self, request: Request) -> tuple[int, object]:
        for operation, gate in list(self._gates.items()):
            if request.operation.startswith(operation):
                await gate.wait()
        if request.operation in self.replies:
            return self.replies[request.operation]
        if request.method != "GET":
            return 204, None
        if request.path == "asterisk/info":
            return 200, {"system": {"version": self.version, "entity_id": "02:fc:00:00:00:01"}}
        if request.path == "channels":
            return 200, self.channels
        if request.path == "bridges":
            return 200, self.bridges
        if found := re.fullmatch(r"api-docs/(\w+)\.json", request.path):
            return 200, self._description(found[1])
        return 404, {"message": "Resource not found"}

    def _description(self, name: str) -> dict[str, Any]:
        # Asterisk writes http:// here whatever it was asked by.
        common = {"apiVersion": "9.0.0", "swaggerVersion": "1.1", "basePath": "http://localhost:1/ari"}
        if name == "resources":
            listed = [{"path": f"/api-docs/{one}.{{format}}", "description": one} for one in _OPERATIONS]
            return common | {"apis": listed}
        apis = [_api(*operation) for operation in _OPERATIONS[name]]
        return common | {"resourcePath": f"/api-docs/{name}.{{format}}", "apis": apis, "models": {}}


def _api(method: str, path: str, nickname: str, parameters: str) -> dict[str, Any]:
    described = [_parameter("path", name) for name in re.findall(r"{(\w+)}", path)]
    described += [_parameter("query", name) for name in parameters.split()]
    operation = {"httpMethod": method, "nickname": nickname, "responseClass": "void", "parameters": described}
    return {"path": path, "description": path, "operations": [operation]}


def _parameter(kind: str, name: str) -> dict[str, Any]:
    name, _, data_type = name.partition(":")
    kind = "body" if data_type == "containers" else kind
    required = kind == "path"
    return {"name": name, "paramType": kind, "required": required, "dataType": data_type or "string"}
