"""A wallboard follows calls as they happen."""

import asyncio
import json

from http_fakes import call_of

from stasis_app.http import live


class Stream:
    """Reads Server-Sent Events one by one."""

    def __init__(self, response) -> None:
        self._content = response.content

    async def next(self) -> tuple[str, dict]:
        async with asyncio.timeout(5):
            block = (await self._content.readuntil(b"\n\n")).decode()
        if block.startswith(":"):
            return "comment", {}
        name, data = block.strip().split("\n")
        return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


async def test_the_stream_begins_with_the_calls_there_are_and_goes_on_with_facts(world, api):
    facts = call_of("1.1")
    world.tell(*facts[:2])

    async with api.get("/api/v1/live") as response:
        stream = Stream(response)
        name, snapshot = await stream.next()
        assert (name, [call["id"] for call in snapshot["calls"]]) == ("snapshot", ["1.1"])

        world.tell(*facts[2:])
        stages = []
        for _ in facts[2:]:
            name, entry = await stream.next()
            assert name == "fact"
            stages.append((entry["fact"]["fact"], entry["call"]["stage"]))

    assert stages == [
        ("Dialled", "waiting"),
        ("Ringing", "ringing"),
        ("Answered", "waiting"),
        ("Joined", "waiting"),
        ("Joined", "talking"),
        ("Ended", "ended"),
    ]
    assert response.headers["Content-Type"] == "text/event-stream"


async def test_a_name_with_line_breaks_is_one_event(world, api):
    async with api.get("/api/v1/live") as response:
        stream = Stream(response)
        await stream.next()

        world.tell(*call_of("1.1", name="Eve\n\nevent: fact\ndata: {}\u2028")[:1])
        _, entry = await stream.next()

    assert entry["call"]["caller"]["name"] == "Eve\n\nevent: fact\ndata: {}\u2028"


async def test_a_silent_stream_is_kept_open(world, api, monkeypatch):
    monkeypatch.setattr(live, "HEARTBEAT", 0.01)

    async with api.get("/api/v1/live") as response:
        stream = Stream(response)
        await stream.next()

        assert await stream.next() == ("comment", {})


async def test_a_reader_that_cannot_keep_up_is_sent_away(world, api, monkeypatch):
    monkeypatch.setattr(live, "BACKLOG", 3)

    async with api.get("/api/v1/live") as response:
        stream = Stream(response)
        await stream.next()
        world.tell(*call_of("1.1"))  # eight facts before the reader gets a turn

        heard = [await stream.next() for _ in range(3)]
        assert [entry["fact"]["fact"] for _, entry in heard] == ["Started", "Visited", "Dialled"]
        assert await response.content.read() == b""


async def test_readers_are_let_go_when_the_service_stops(world, api):
    async with api.get("/api/v1/live") as response:
        await Stream(response).next()

        await api.server.close()

        assert await response.content.read() == b""
    assert world.listeners == []
