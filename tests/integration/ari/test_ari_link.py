"""The link: it connects, tells the world before anything else, and comes back whatever happens to the connection."""

import asyncio
import base64
import json

import pytest
from ari_helpers import Connect, Log, Told, soon
from ari_server import APP, PASSWORD, AriServer

from stasis_app.ari import AriLink, LinkState, World
from stasis_app.ari import events as e
from stasis_app.ari.errors import LinkDown

CALLER = {"id": "1.0", "name": "PJSIP/trunk-1", "state": "Up"}


def key(digit: str) -> dict[str, object]:
    """An event like any other, known again by its digit."""
    return {
        "type": "ChannelDtmfReceived",
        "timestamp": "2026-03-10T11:00:00.000+0000",
        "digit": digit,
        "channel": CALLER,
    }


def state(link: AriLink) -> LinkState:
    return link.state


async def test_it_connects_filters_events_and_tells_what_exists(
    server: AriServer, make_link: Connect, told: Told
) -> None:
    server.channels = [CALLER]
    server.bridges = [{"id": "1.0-bridge", "bridge_type": "mixing", "channels": ["1.0"]}]
    link = make_link()
    assert link.state is LinkState.DOWN

    await link.start()
    await soon(link.connected())

    world = await told.next()
    assert isinstance(world, World)
    assert ([one.id for one in world.channels], [one.channels for one in world.bridges]) == (["1.0"], [("1.0",)])
    (filtered,) = server.seen(f"PUT applications/{APP}/eventFilter")
    assert {"type": "ChannelVarset"} in filtered.body["disallowed"]
    assert set(filtered.body) == {"disallowed"}
    assert (link.state, link.version, link.connections) == (LinkState.CONNECTED, "22.10.1", 1)
    assert server.seen("GET events")[0].query == {"app": APP}


async def test_events_that_come_before_the_world_is_read_are_kept_and_follow_it_in_order(
    server: AriServer, make_link: Connect, told: Told
) -> None:
    server.hold("GET channels")
    link = make_link()
    await link.start()
    await server.asked("GET channels")
    await server.tell(key("1"), key("2"), key("3"))
    assert link.state is LinkState.RESYNCING
    assert told.queue.empty()

    server.let("GET channels")
    first, *rest = [await told.next() for _ in range(4)]
    await server.tell(key("4"))
    rest.append(await told.next())

    assert isinstance(first, World)
    assert [event.digit for event in rest if isinstance(event, e.ChannelDtmfReceived)] == ["1", "2", "3", "4"]


@pytest.mark.parametrize("how", ["close", "cut"])
async def test_a_lost_connection_is_opened_again_and_the_world_read_anew(
    server: AriServer, link: AriLink, told: Told, how: str
) -> None:
    server.channels = [CALLER]

    if how == "close":
        await server.close()
    else:
        server.cut()
    await server.connection(2)
    await soon(link.connected())

    world = await told.next()
    assert isinstance(world, World)
    assert [one.id for one in world.channels] == ["1.0"]
    assert len(server.seen("PUT applications")) == 2
    await server.tell(key("1"))
    assert isinstance(await told.next(), e.ChannelDtmfReceived)
    assert link.connections == 2


async def test_silence_is_noticed_within_the_heartbeat(server: AriServer, make_link: Connect) -> None:
    link = make_link(heartbeat=0.2)
    await link.start()
    await soon(link.connected())

    server.deaf_to_pings = True
    await server.connection(2)
    server.deaf_to_pings = False

    await soon(link.connected())
    assert state(link) is LinkState.CONNECTED


async def test_a_server_that_closes_every_connection_at_once_is_left_alone_longer_and_longer(
    server: AriServer, make_link: Connect, waits: list[int]
) -> None:
    server.closes_at_once = True
    await make_link().start()

    await server.connection(5)

    assert waits[:4] == [1, 2, 3, 4]


async def test_after_a_connection_that_lasted_the_waits_begin_anew(
    server: AriServer, make_link: Connect, waits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.closes_at_once = True
    link = make_link()
    await link.start()
    await server.connection(3)
    server.closes_at_once = False
    await soon(link.connected())
    before = len(waits)

    monkeypatch.setattr("stasis_app.ari.link._LASTING", 0.0)
    await server.close()
    await server.connection(server.connections + 1)

    assert len(waits) == before


async def test_the_server_is_away_at_first_and_comes(server: AriServer, make_link: Connect, log: Log) -> None:
    port = int(server.url.rpartition(":")[2])
    await server.stop()
    link = make_link()
    await link.start()
    told = await log.says("No link to Asterisk")
    assert server.url in told
    with pytest.raises(LinkDown):
        _ = link.api

    await server.start(port)

    await soon(link.connected())
    await link.stop()


async def test_a_wrong_password_is_told_once_with_the_keys_to_look_at(
    server: AriServer, make_link: Connect, log: Log, waits: list[int]
) -> None:
    server.password = "something else"
    await make_link().start()
    await server.asked("GET asterisk/info", times=4)

    (line,) = log.saying("WARNING")
    assert "asterisk.username" in line
    assert "asterisk.password" in line
    assert "401" in line
    assert not server.seen("GET events")
    everything = "\n".join(log.lines)
    assert PASSWORD not in everything
    assert base64.b64encode(f"stasis:{PASSWORD}".encode()).decode() not in everything


async def test_a_user_who_may_only_read_is_told_so(
    server: AriServer, make_link: Connect, log: Log, waits: list[int]
) -> None:
    server.replies[f"PUT applications/{APP}/eventFilter"] = (403, {"message": "Write access denied"})
    link = make_link()
    await link.start()

    line = await log.says("WARNING No link")

    assert "Write access denied" in line
    assert "read_only" in line
    assert link.state is not LinkState.CONNECTED


async def test_credentials_are_in_a_header_and_in_no_address(server: AriServer, link: AriLink) -> None:
    await link.api.channels.answer(channelId="1.0")

    over_http = [request for request in server.requests if request.lane == "http"]
    assert all(request.headers["Authorization"].startswith("Basic ") for request in over_http)
    for request in server.requests:
        assert "api_key" not in request.url
        assert "password" not in request.url


async def test_another_instance_takes_over_and_this_one_stays_back(
    server: AriServer, link: AriLink, told: Told, log: Log
) -> None:
    await server.tell({"type": "ApplicationReplaced", "timestamp": "2026-03-10T11:00:00Z", "application": APP})
    line = await log.says("taken over")
    assert APP in line
    assert (link.state, link.replaced) == (LinkState.REPLACED, True)

    await server.close()
    assert link._supervisor is not None
    await soon(link._supervisor)

    assert server.connections == 1
    assert state(link) is LinkState.REPLACED
    assert told.queue.empty()


async def test_another_instance_takes_over_while_the_world_is_read(
    server: AriServer, make_link: Connect, told: Told, log: Log
) -> None:
    server.hold("GET bridges")
    link = make_link()
    await link.start()
    await server.asked("GET bridges")
    await server.tell({"type": "ApplicationReplaced", "timestamp": "2026-03-10T11:00:00Z", "application": APP})
    await log.says("taken over")
    server.let("GET bridges")
    await link.transport.request("GET", link.url("channels"))  # answered after the bridges are
    assert link.state is LinkState.REPLACED

    await server.close()
    assert link._supervisor is not None
    await soon(link._supervisor)

    assert state(link) is LinkState.REPLACED
    assert server.connections == 1
    assert told.queue.empty()


async def test_what_nobody_understands_is_counted_and_told_once_per_kind(
    server: AriServer, link: AriLink, told: Told, log: Log
) -> None:
    reported: list[None] = []
    link.incoming.on_unreadable = lambda: reported.append(None)
    new_kind = {"type": "BrandNewEvent", "timestamp": "2026-03-10T11:00:00Z"}
    broken = {"type": "StasisEnd", "timestamp": "2026-03-10T11:00:00Z"}
    await server.tell(new_kind, broken, "not json", new_kind, broken, "{}", new_kind, key("1"))

    assert isinstance(await told.next(), e.ChannelDtmfReceived)
    assert link.incoming.unreadable == {"BrandNewEvent": 3, "StasisEnd.channel": 2, "message": 2}
    assert len(reported) == 7
    assert len(log.saying("passed over")) == 3
    assert link.state is LinkState.CONNECTED


async def test_a_listener_that_fails_stops_neither_events_nor_the_link(
    server: AriServer, link: AriLink, told: Told
) -> None:
    told.failing = ZeroDivisionError()

    await server.tell(key("1"), key("2"))

    assert [type(await told.next()) for _ in range(2)] == [e.ChannelDtmfReceived] * 2
    assert link.incoming.events == {"ChannelDtmfReceived": 2}
    assert link.state is LinkState.CONNECTED


async def test_a_listener_that_fails_on_the_world_still_gets_the_events(
    server: AriServer, make_link: Connect, told: Told
) -> None:
    told.failing = ZeroDivisionError()
    link = make_link()
    await link.start()

    await soon(link.connected())
    await server.tell(key("1"))

    assert isinstance(await told.next(), World)
    assert isinstance(await told.next(), e.ChannelDtmfReceived)
    assert server.connections == 1


async def test_channels_and_bridges_nobody_understands_are_passed_over(
    server: AriServer, make_link: Connect, told: Told
) -> None:
    server.channels = [{"name": "no id"}, CALLER, "no object", {"id": "2.0", "dialplan": "no object"}]
    server.bridges = [None, {"id": "1.0-bridge"}]
    link = make_link()
    await link.start()

    world = await told.next()

    assert isinstance(world, World)
    assert [one.id for one in world.channels] == ["1.0"]
    assert [one.id for one in world.bridges] == ["1.0-bridge"]
    assert sum(link.incoming.unreadable.values()) == 4


async def test_a_server_that_is_no_asterisk_is_told_as_such(server: AriServer, make_link: Connect, log: Log) -> None:
    server.replies["GET asterisk/info"] = (200, ["a list"])
    await make_link().start()

    assert "does the URL lead to Asterisk?" in await log.says("No link")


async def test_the_description_is_read_once_for_each_version_of_the_server(
    server: AriServer, told: Told, make_link: Connect, tmp_path: object
) -> None:
    for version in ("22.10.1", "22.10.1", "22.11.0"):
        server.version = version
        link = make_link()
        link._cache = tmp_path  # type: ignore[assignment]
        await link.start()
        await soon(link.connected())
        await link.stop()

    assert len(server.seen("GET api-docs/resources.json")) == 2


async def test_everything_that_came_can_be_recorded_as_it_came(
    server: AriServer, make_link: Connect, told: Told
) -> None:
    recorded: list[str] = []
    link = make_link(rest_over_websocket=False)
    link.incoming._record = recorded.append
    await link.start()
    await told.next()

    await server.tell(key("1"), "not json", key("2"))
    await told.next()
    await told.next()

    assert recorded == [json.dumps(key("1")), "not json", json.dumps(key("2"))]


async def test_stopping_leaves_nothing_behind(server: AriServer, make_link: Connect) -> None:
    link = make_link()
    await link.start()
    await soon(link.connected())
    await link.stop()

    names = {task.get_name() for task in asyncio.all_tasks()}
    assert not {name for name in names if name.startswith("ari-")}
    assert state(link) is LinkState.DOWN
    assert not server.seen("DELETE")
