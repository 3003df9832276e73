"""Requests in two lanes: what waits for a prompt waits alone, and every end a request can have is told as it was."""

import asyncio
from pathlib import Path

import pytest
from ari_helpers import Connect, Told, soon
from ari_server import AriServer

from stasis_app.ari import AriLink
from stasis_app.ari.errors import AriError, Gone, LinkDown, Rejected, ServerFailed, TimedOut, Unauthorized
from stasis_app.calls.control import AriControl

ONE, OTHER = "1795396910.11", "1795396911.12"


def playback_finished(channel: str) -> dict[str, object]:
    playback = {"id": "p1", "media_uri": "sound:hello", "target_uri": f"channel:{channel}", "state": "done"}
    return {"type": "PlaybackFinished", "timestamp": "2026-03-10T11:00:00Z", "playback": playback}


def stasis_end(channel: str) -> dict[str, object]:
    return {"type": "StasisEnd", "timestamp": "2026-03-10T11:00:00Z", "channel": {"id": channel}}


def lanes(server: AriServer, operation: str) -> list[str]:
    return [request.lane for request in server.seen(operation)]


async def test_requests_go_over_the_websocket(server: AriServer, link: AriLink) -> None:
    before = dict(link.transport.sent)
    await link.api.channels.answer(channelId=ONE)
    await link.api.bridges.createWithId(bridgeId="b1", type="mixing")

    assert lanes(server, "POST") == ["websocket"] * 2
    assert link.transport.sent == {"websocket": before["websocket"] + 2, "http": before["http"]}


async def test_while_a_prompt_plays_requests_to_its_channel_take_the_other_lane(
    server: AriServer, link: AriLink, told: Told
) -> None:
    await link.api.channels.play(channelId=ONE, media="sound:hello", playbackId="p1")
    server.hold(f"POST channels/{ONE}/answer")  # as Asterisk does: it waits for the prompt
    waiting = asyncio.create_task(link.api.channels.answer(channelId=ONE))
    await server.asked(f"POST channels/{ONE}/answer")

    await link.api.channels.answer(channelId=OTHER)
    await link.api.bridges.addChannel(bridgeId="b1", channel=f"{OTHER},{ONE}")
    await link.api.playbacks.stop(playbackId="p1")

    assert not waiting.done()
    assert lanes(server, f"POST channels/{ONE}/play") == ["websocket"]
    assert lanes(server, f"POST channels/{ONE}/answer") == ["http"]
    assert lanes(server, f"POST channels/{OTHER}/answer") == ["websocket"]
    assert lanes(server, "POST bridges/b1/addChannel") == ["http"]
    assert lanes(server, "DELETE playbacks/p1") == ["websocket"]
    server.let(f"POST channels/{ONE}/answer")
    await soon(waiting)
    by_lane = {
        lane: sum(r.lane == lane and r.path != "events" for r in server.requests) for lane in ("websocket", "http")
    }
    assert link.transport.sent == by_lane


async def test_when_the_prompt_ends_the_channel_is_free_again(server: AriServer, link: AriLink, told: Told) -> None:
    await link.api.channels.play(channelId=ONE, media="sound:hello", playbackId="p1")
    await link.api.channels.ring(channelId=ONE)
    await server.tell(playback_finished(ONE))
    await told.next()

    await link.api.channels.answer(channelId=ONE)

    assert lanes(server, f"POST channels/{ONE}") == ["websocket", "http", "websocket"]


async def test_a_prompt_that_ends_before_its_order_is_answered_leaves_the_channel_free(
    server: AriServer, link: AriLink, told: Told
) -> None:
    server.hold(f"POST channels/{ONE}/play")
    order = asyncio.create_task(link.api.channels.play(channelId=ONE, media="sound:hello", playbackId="p1"))
    await server.asked(f"POST channels/{ONE}/play")
    await server.tell(playback_finished(ONE))
    await told.next()
    server.let(f"POST channels/{ONE}/play")
    await soon(order)

    await link.api.channels.answer(channelId=ONE)

    assert lanes(server, f"POST channels/{ONE}/answer") == ["websocket"]


async def test_a_prompt_that_is_refused_leaves_the_channel_free(server: AriServer, link: AriLink) -> None:
    server.replies[f"POST channels/{ONE}/play"] = (404, {"message": "Channel not found"})
    with pytest.raises(Gone):
        await link.api.channels.play(channelId=ONE, media="sound:hello", playbackId="p1")

    await link.api.channels.answer(channelId=ONE)

    assert lanes(server, f"POST channels/{ONE}/answer") == ["websocket"]


async def test_a_prompt_whose_order_got_no_answer_may_play_all_the_same(
    server: AriServer, link: AriLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.hold(f"POST channels/{ONE}/play")
    with monkeypatch.context() as impatient, pytest.raises(TimedOut):
        impatient.setattr(link.transport, "_timeout", 0.1)
        await link.api.channels.play(channelId=ONE, media="sound:hello", playbackId="p1")
    server.let(f"POST channels/{ONE}/play")

    await link.api.channels.answer(channelId=ONE)

    assert lanes(server, f"POST channels/{ONE}/answer") == ["http"]


async def test_a_channel_that_is_gone_is_forgotten(server: AriServer, link: AriLink, told: Told) -> None:
    await link.api.channels.play(channelId=ONE, media="sound:hello", playbackId="p1")
    await server.tell(stasis_end(ONE))
    await told.next()

    await link.api.channels.answer(channelId=ONE)

    assert lanes(server, f"POST channels/{ONE}/answer") == ["websocket"]


async def test_channels_that_ended_while_the_link_was_away_are_forgotten(
    server: AriServer, link: AriLink, told: Told
) -> None:
    await link.api.channels.play(channelId=ONE, media="sound:hello", playbackId="p1")
    await link.api.channels.play(channelId=OTHER, media="sound:hello", playbackId="p2")
    server.channels = [{"id": OTHER}]
    server.cut()
    await told.next()

    assert not link.transport.lanes.may_wait("", [ONE])
    assert link.transport.lanes.may_wait("", [OTHER])


async def test_large_answers_and_work_on_disk_do_not_hold_up_the_websocket(server: AriServer, link: AriLink) -> None:
    await link.api.recordings.stop(recordingName="r1")

    assert lanes(server, "POST recordings/live/r1/stop") == ["http"]


async def test_lists_are_too_long_for_the_websocket(server: AriServer, link: AriLink) -> None:
    """Asterisk 22.10.1 ends with a full stack when it has to send 2,000 channels over it."""
    await link.api.channels.list()
    await link.api.bridges.list()

    # The link itself reads both lists whenever it connects.
    for lists in ("GET channels", "GET bridges"):
        assert lanes(server, lists) == ["http", "http"]


async def test_a_server_without_requests_over_the_websocket_is_served_over_http(
    server: AriServer, make_link: Connect, told: Told
) -> None:
    server.version = "20.10.0"
    link = make_link()
    await link.start()
    await soon(link.connected())

    await link.api.channels.answer(channelId=ONE)

    assert {request.lane for request in server.requests} == {"http"}
    assert link.transport.sent["websocket"] == 0


@pytest.mark.parametrize("rest_over_websocket", [True, False])
async def test_the_configuration_may_choose_the_lane(
    server: AriServer, make_link: Connect, rest_over_websocket: bool
) -> None:
    link = make_link(rest_over_websocket=rest_over_websocket)
    await link.start()
    await soon(link.connected())

    await link.api.channels.answer(channelId=ONE)

    assert lanes(server, "POST channels") == ["websocket" if rest_over_websocket else "http"]


@pytest.mark.parametrize("rest_over_websocket", [True, False])
async def test_values_travel_with_their_types(server: AriServer, make_link: Connect, rest_over_websocket: bool) -> None:
    link = make_link(rest_over_websocket=rest_over_websocket)
    await link.start()
    await soon(link.connected())

    await link.api.bridges.record(bridgeId="b1", name="r1", format="wav", beep=False, maxDurationSeconds=7200)
    await link.api.channels.originateWithId(
        channelId=ONE, endpoint="PJSIP/101", app="a", callerId='"Иван & Co?" <7916>', timeout=20
    )
    await link.api.bridges.addChannel(bridgeId="b1", channel=f"{ONE},{OTHER}", mute=True)

    record, originate, add = server.seen("POST")
    assert record.body == {"name": "r1", "format": "wav", "beep": False, "maxDurationSeconds": 7200}
    assert originate.body == {"endpoint": "PJSIP/101", "app": "a", "callerId": '"Иван & Co?" <7916>', "timeout": 20}
    assert add.body == {"channel": [ONE, OTHER], "mute": True}
    assert not record.query
    assert not originate.query


@pytest.mark.parametrize("rest_over_websocket", [True, False])
@pytest.mark.parametrize(
    ("status", "answer", "kind"),
    [
        (400, {"message": "Channel not found"}, Gone),
        (400, {"message": "Invalid"}, Rejected),
        (403, {"message": "Write access denied"}, Unauthorized),
        (404, {"message": "Channel not found"}, Gone),
        (409, {"message": "Channel not in Stasis application"}, Gone),
        (412, {"message": "Channel in invalid state"}, Gone),
        (413, {"message": "Too large"}, Rejected),
        (422, {"message": "Channel not in this bridge"}, Gone),
        (500, {"error": "Allocation failed"}, ServerFailed),
        (503, None, ServerFailed),
        (500, ["no object"], ServerFailed),
    ],
)
async def test_refusals_are_told_by_their_meaning(
    server: AriServer,
    make_link: Connect,
    rest_over_websocket: bool,
    status: int,
    answer: object,
    kind: type[AriError],
) -> None:
    link = make_link(rest_over_websocket=rest_over_websocket)
    await link.start()
    await soon(link.connected())
    server.replies[f"POST channels/{ONE}/answer"] = (status, answer)

    with pytest.raises(kind) as caught:
        await link.api.channels.answer(channelId=ONE)

    assert caught.value.operation == f"POST channels/{ONE}/answer"
    assert caught.value.status == status
    if isinstance(answer, dict):
        assert caught.value.message in answer.values()


@pytest.mark.parametrize("how", ["close", "cut"])
async def test_whoever_waits_for_an_answer_learns_that_the_connection_is_gone(
    server: AriServer, link: AriLink, how: str
) -> None:
    server.hold("POST channels")
    waiting = [asyncio.create_task(link.api.channels.answer(channelId=one)) for one in (ONE, OTHER)]
    await server.asked("POST channels")

    if how == "close":
        await server.close()
    else:
        server.cut()
    outcomes = await soon(asyncio.gather(*waiting, return_exceptions=True))

    assert [type(outcome) for outcome in outcomes] == [LinkDown] * 2
    assert not link.transport._waiting


@pytest.mark.parametrize("rest_over_websocket", [True, False])
async def test_an_answer_that_does_not_come_is_not_waited_for_and_one_that_comes_late_is_dropped(
    server: AriServer, make_link: Connect, monkeypatch: pytest.MonkeyPatch, rest_over_websocket: bool
) -> None:
    link = make_link(rest_over_websocket=rest_over_websocket)
    await link.start()
    await soon(link.connected())
    server.hold(f"POST channels/{ONE}/answer")

    with monkeypatch.context() as impatient, pytest.raises(TimedOut) as caught:
        impatient.setattr(link.transport, "_timeout", 0.1)
        await link.api.channels.answer(channelId=ONE)
    server.let(f"POST channels/{ONE}/answer")
    await link.api.channels.ring(channelId=OTHER)

    assert "0.1 s" in str(caught.value)
    assert not link.transport._waiting
    assert server.connections == 1


async def test_a_thousand_requests_at_once_each_get_their_own_answer(server: AriServer, link: AriLink) -> None:
    gone = {number for number in range(1000) if number % 7 == 0}
    for number in gone:
        server.replies[f"POST channels/{number}/answer"] = (404, {"message": f"no {number}"})

    requests = (link.api.channels.answer(channelId=str(number)) for number in range(1000))
    outcomes = await soon(asyncio.gather(*requests, return_exceptions=True))

    refused = {number: str(outcome) for number, outcome in enumerate(outcomes) if outcome is not None}
    assert set(refused) == gone
    assert all(f"no {number} " in text for number, text in refused.items())


async def test_a_request_without_a_connection_says_so_over_http(server: AriServer, link: AriLink) -> None:
    await server.stop()

    with pytest.raises(LinkDown):
        await link.transport.request("GET", link.url("recordings/stored"))


async def test_a_request_whose_connection_broke_is_sent_again_once_the_link_is_back(
    server: AriServer, link: AriLink, told: Told
) -> None:
    control = AriControl(link, "stasis-app")
    server.hold("POST channels")
    answering = asyncio.create_task(control.answer(ONE))
    await server.asked("POST channels")

    server.cut()
    server.let("POST channels")
    await soon(answering)

    assert len(server.seen(f"POST channels/{ONE}/answer")) == 2
    assert server.connections == 2


async def test_a_phone_called_again_because_the_answer_was_lost_is_found_ringing(
    server: AriServer, link: AriLink, told: Told
) -> None:
    control = AriControl(link, "stasis-app")
    server.hold("POST channels")
    calling = asyncio.create_task(control.originate(OTHER, "PJSIP/101", appArgs="leg,1", callerId="x", timeout=20))
    await server.asked("POST channels")

    server.replies[f"POST channels/{OTHER}"] = (409, {"message": "Channel with given unique ID already exists"})
    server.cut()
    server.let("POST channels")
    await soon(calling)

    assert len(server.seen(f"POST channels/{OTHER}")) == 2


async def test_an_id_that_is_taken_at_once_is_no_success(server: AriServer, link: AriLink) -> None:
    server.replies[f"POST channels/{OTHER}"] = (409, {"message": "Channel with given unique ID already exists"})

    with pytest.raises(Gone):
        await AriControl(link, "stasis-app").originate(OTHER, "PJSIP/101", appArgs="leg,1", timeout=20)


async def test_the_bridge_of_a_call_that_outlived_a_restart_is_taken_as_it_is(server: AriServer, link: AriLink) -> None:
    server.replies["POST bridges/b1"] = (409, {"message": "Bridge with id 'b1' already exists"})

    await AriControl(link, "stasis-app").make_bridge("b1")

    assert len(server.seen("POST bridges/b1")) == 1


async def test_a_prompt_that_can_not_be_stopped_is_no_failure(server: AriServer, link: AriLink) -> None:
    """Asterisk says digits and numbers to their end."""
    server.replies["DELETE playbacks/p1"] = (500, {"message": "Could not stop playback"})

    await AriControl(link, "stasis-app").stop_playing("p1")

    assert len(server.seen("DELETE playbacks/p1")) == 1


async def test_a_link_that_does_not_come_back_is_not_waited_for_for_ever(server: AriServer, link: AriLink) -> None:
    control = AriControl(link, "stasis-app", patience=0.1)
    await server.stop()

    with pytest.raises(LinkDown):
        await control.answer(ONE)


async def test_every_request_of_a_call_is_one_the_server_knows(server: AriServer, link: AriLink) -> None:
    control = AriControl(link, "stasis-app", told_transfers=False)
    await control.answer(ONE)
    await control.ring(ONE)
    await control.stop_ringing(ONE)
    await control.originate(OTHER, "PJSIP/101", appArgs="leg,1", callerId="x", timeout=20, originator=ONE)
    await control.create("3.0", "PJSIP/102", appArgs="leg,1", originator=ONE)
    await control.dial("3.0", caller=ONE, seconds=20)
    await control.show_caller("3.0", '"Firm" <74951112233>')
    await control.dial("3.0", caller="", seconds=20)
    await control.make_bridge("b1")
    await control.add_to_bridge("b1", ONE, OTHER)
    await control.play_in_bridge("b1", "sound:recorded", "p2")
    await control.snoop(ONE, "r1", spy="both", args="record,1,r1")
    await control.record("r1", "r1", "wav", beep=True)
    await control.mute_recording("r1")
    await control.unmute_recording("r1")
    await control.is_recording("r1")
    await control.stop_recording("r1")
    await control.destroy_bridge("b1")
    await control.play(ONE, "sound:hello", "p1")
    await control.stop_playing("p1")
    await control.watch(ONE)
    await control.hang_up(OTHER, 26)
    await control.proceed(ONE, "night", "s", 1)

    asked = [(request.operation, request.body) for request in server.requests if request.method != "GET"][1:]
    assert asked == [
        (f"POST channels/{ONE}/answer", {}),
        (f"POST channels/{ONE}/ring", {}),
        (f"DELETE channels/{ONE}/ring", {}),
        (
            f"POST channels/{OTHER}",
            {
                "endpoint": "PJSIP/101",
                "app": "stasis-app",
                "appArgs": "leg,1",
                "callerId": "x",
                "timeout": 20,
                "originator": ONE,
            },
        ),
        (
            "POST channels/create",
            {
                "channelId": "3.0",
                "endpoint": "PJSIP/102",
                "app": "stasis-app",
                "appArgs": "leg,1",
                "originator": ONE,
            },
        ),
        ("POST channels/3.0/dial", {"caller": ONE, "timeout": 20}),
        ("POST channels/3.0/variable", {"variable": "CONNECTEDLINE(all,i)", "value": '"Firm" <74951112233>'}),
        ("POST channels/3.0/dial", {"timeout": 20}),
        ("POST bridges/b1", {"type": "mixing,dtmf_events"}),
        ("POST bridges/b1/addChannel", {"channel": [ONE, OTHER]}),
        ("POST bridges/b1/play/p2", {"media": "sound:recorded"}),
        (
            f"POST channels/{ONE}/snoop/r1",
            {"spy": "both", "whisper": "none", "app": "stasis-app", "appArgs": "record,1,r1"},
        ),
        ("POST channels/r1/record", {"name": "r1", "format": "wav", "beep": True}),
        ("POST recordings/live/r1/mute", {}),
        ("DELETE recordings/live/r1/mute", {}),
        ("POST recordings/live/r1/stop", {}),
        ("DELETE bridges/b1", {}),
        (f"POST channels/{ONE}/play", {"media": "sound:hello", "playbackId": "p1"}),
        ("DELETE playbacks/p1", {}),
        ("POST applications/stasis-app/subscription", {"eventSource": f"channel:{ONE}"}),
        (f"DELETE channels/{OTHER}", {"reason_code": "26"}),
        (f"POST channels/{ONE}/variable", {"variable": "B24_NEXT", "value": "night,s,1"}),
        (f"POST channels/{ONE}/continue", {}),
    ]


async def test_ending_what_has_ended_is_no_error(server: AriServer, link: AriLink) -> None:
    for operation in (
        f"DELETE channels/{ONE}",
        "DELETE bridges/b1",
        "DELETE playbacks/p1",
        "POST recordings/live/r1/stop",
    ):
        server.replies[operation] = (404, {"message": "not found"})
    control = AriControl(link, "stasis-app")

    await control.hang_up(ONE, 16)
    await control.destroy_bridge("b1")
    await control.stop_playing("p1")
    await control.stop_recording("r1")


async def test_a_recording_is_fetched_to_a_file(server: AriServer, link: AriLink, tmp_path: Path) -> None:
    server.files["recordings/stored/r1/file"] = sound = bytes(range(256)) * 3000

    await link.download("recordings/stored/r1/file", tmp_path / "r1.wav")

    assert (tmp_path / "r1.wav").read_bytes() == sound


async def test_a_recording_that_does_not_exist_leaves_no_file(server: AriServer, link: AriLink, tmp_path: Path) -> None:
    with pytest.raises(Gone) as caught:
        await link.download("recordings/stored/r1/file", tmp_path / "r1.wav")

    assert caught.value.status == 404
    assert not (tmp_path / "r1.wav").exists()


async def test_a_download_from_a_server_that_is_away_says_so(server: AriServer, link: AriLink, tmp_path: Path) -> None:
    await server.stop()

    with pytest.raises(LinkDown):
        await link.download("recordings/stored/r1/file", tmp_path / "r1.wav")


async def test_nothing_can_be_asked_before_the_link_was_started(make_link: Connect, tmp_path: Path) -> None:
    link = make_link()

    with pytest.raises(LinkDown):
        _ = link.transport
    with pytest.raises(LinkDown):
        await link.download("recordings/stored/r1/file", tmp_path / "r1.wav")
