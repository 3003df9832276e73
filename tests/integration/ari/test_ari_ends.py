"""When channels ended while nobody listened: the dialplan notes it, the link reads it after a gap and clears up."""

from datetime import UTC, datetime

import pytest
from ari_helpers import Connect, Log, Told, soon
from ari_server import AriServer

from stasis_app.ari import AriLink, World
from stasis_app.ari.ends import HANDLER
from stasis_app.calls.control import AriControl

LIVES, GONE = "1795396910.11", "1795396911.12"
NOTED = {"value": "1773140400.250"}
EXISTS = f"GET channels/{LIVES}/variable"


async def worlds(link: AriLink, told: Told) -> World:
    await link.start()
    await soon(link.connected())
    world = await told.next()
    assert isinstance(world, World)
    return world


async def test_who_is_gone_is_asked_after_and_what_was_noted_is_removed(
    server: AriServer, make_link: Connect, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stasis_app.ari.link.SERVES_AGAIN", 0.01)
    server.channels = [{"id": LIVES, "name": "PJSIP/trunk-1", "state": "Up"}]
    server.replies["GET asterisk/variable"] = (200, NOTED)
    known = [LIVES, GONE]
    told.then = lambda: known.remove(GONE)

    world = await worlds(make_link(known=lambda: known), told)

    assert world.ended == {GONE: datetime(2026, 3, 10, 11, 0, 0, 250_000, UTC)}
    assert [r.query for r in server.seen("GET asterisk/variable")] == [{"variable": f"STASIS_ENDED_{GONE}"}]
    (removed,) = await server.asked("POST asterisk/variable")
    assert removed.body == {"variable": f"STASIS_ENDED_{GONE}"}


async def test_a_server_that_does_not_answer_the_tidying_does_not_hold_up_the_next_connection(
    server: AriServer, make_link: Connect, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stasis_app.ari.link.SERVES_AGAIN", 0.01)
    server.replies["GET asterisk/variable"] = (200, NOTED)
    server.hold("POST asterisk/variable")
    known = [GONE]
    told.then = known.clear
    link = make_link(known=lambda: known)
    await worlds(link, told)
    await server.asked("POST asterisk/variable")

    server.cut()
    await soon(told.next())

    assert link.connections == 2


@pytest.mark.parametrize(
    "reply", [(200, {"value": ""}), (200, {"value": "yesterday"}), (404, {"message": "no"}), (500, {}), (200, [])]
)
async def test_what_was_not_noted_is_not_known(
    server: AriServer, make_link: Connect, told: Told, reply: tuple[int, object]
) -> None:
    server.replies["GET asterisk/variable"] = reply

    world = await worlds(make_link(known=lambda: [GONE]), told)

    assert world.ended == {}
    assert not server.seen("POST asterisk/variable")


async def test_every_channel_we_make_notes_its_end_and_the_dialplan_is_asked_once(
    server: AriServer, link: AriLink
) -> None:
    server.replies[EXISTS] = (200, {"value": "1"})
    control = AriControl(link, "stasis-app")

    await control.create("leg-1", "PJSIP/101", originator=LIVES)
    await control.create("leg-2", "PJSIP/102", originator=LIVES)
    await control.originate("leg-3", "PJSIP/103", variables={"ALERT": "1"})

    (asked,) = server.seen(EXISTS)
    assert asked.query == {"variable": "DIALPLAN_EXISTS(stasis-ended,s,1)"}
    made = [*server.seen("POST channels/create"), *server.seen("POST channels/leg-3")]
    assert [request.body["variables"].items() >= HANDLER.items() for request in made] == [True] * 3
    assert made[-1].body["variables"]["ALERT"] == "1"


async def test_an_older_dialplan_is_not_asked_for_what_it_does_not_have(
    server: AriServer, link: AriLink, log: Log
) -> None:
    server.replies[EXISTS] = (200, {"value": "0"})
    control = AriControl(link, "stasis-app")

    for leg in ("leg-1", "leg-2"):
        await control.create(leg, "PJSIP/101", originator=LIVES)

    assert [request.body.get("variables") for request in server.seen("POST channels/create")] == [None, None]
    assert len(log.saying("no context stasis-ended")) == 1


async def test_an_asterisk_that_does_not_tell_is_asked_again_with_the_next_channel(
    server: AriServer, link: AriLink
) -> None:
    control = AriControl(link, "stasis-app")
    server.replies[EXISTS] = (500, {"error": "not now"})
    await control.create("leg-1", "PJSIP/101", originator=LIVES)
    server.replies[EXISTS] = (200, {"value": "1"})
    await control.create("leg-2", "PJSIP/101", originator=LIVES)

    first, second = server.seen("POST channels/create")
    assert "variables" not in first.body
    assert second.body["variables"] == HANDLER
