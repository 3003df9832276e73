"""What is heard on the recordings that reach the CRM."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from lab.exchange import Exchange
from lab.phones import Manner
from lab.recordings import listen, voices
from lab.stage import RealCall, play
from lab.story import HANG_UP, Numbers, PlannedCall, Story

N = Numbers(1)


def talk(talk_s: float, **line: object) -> Story:
    """A customer talks with an employee; a second one is there, too."""
    return Story(
        name="a recorded talk",
        calls=(PlannedCall(N.client(1), N.did, N.phone(1), [N.phone(1)], talk_s=talk_s),),
        phones=(Manner(N.phone(1), ring_s=0.5), Manner(N.phone(2), ring_s=0.5)),
        lines={N.did: N.element("ring")},
        elements={
            N.element("ring"): {"type": "ring", "targets": [N.phone(1)], "seconds": 15, "on_no_answer": "closed"},
        },
    )


MESSAGE = Story(
    name="a message is left",
    calls=(PlannedCall(N.client(1), N.did, "", [], talk_s=6.0),),
    lines={N.did: N.element("voicemail")},
    elements={
        N.element("voicemail"): {"type": "voicemail", "prompts": ["hello-world"], "next": N.element("end")},
        N.element("end"): HANG_UP,
    },
)


@asynccontextmanager
async def running(story: Story, **recording: object) -> AsyncIterator[Exchange]:
    async with Exchange([story], recorded=recording) as exchange:
        yield exchange


async def played(exchange: Exchange, story: Story) -> RealCall:
    (call,) = await play(story, exchange.pbx, exchange.carrier, exchange.folder)
    return call


async def api(exchange: Exchange, method: str, path: str, **body: object) -> Any:
    headers = {"Authorization": f"Bearer {exchange.company.token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.request(method, f"{exchange.service.url}/api/v1/{path}", json=body or None) as answer,
    ):
        assert answer.status < 300, await answer.text()
        return await answer.json() if answer.content_type == "application/json" else None


async def live_call(exchange: Exchange) -> dict[str, Any]:
    """The call under way, once it is recorded."""
    async with asyncio.timeout(10):
        while True:
            for call in (await api(exchange, "GET", "calls"))["calls"]:
                if call["recording"]:
                    return call
            await asyncio.sleep(0.05)


async def delivered(exchange: Exchange) -> tuple[dict[str, Any], bytes]:
    crm = await exchange.portal.until_call(lambda held: held["record"] is not None, 30)
    return crm, await exchange.portal.recording(crm["record"]["file_id"])


async def test_the_customer_is_left_the_employee_right_and_a_pause_is_a_hole_in_both():
    story = talk(8.0)
    async with running(story, stereo=True) as exchange:
        playing = asyncio.create_task(played(exchange, story))
        call = await live_call(exchange)
        await asyncio.sleep(2)
        await api(exchange, "POST", f"calls/{call['id']}/recording/pause")
        assert (await live_call(exchange))["recording_paused"]
        await asyncio.sleep(2)
        await api(exchange, "POST", f"calls/{call['id']}/recording/resume")
        real = await playing
        _, content = await delivered(exchange)

        left, right = voices(content)
        # The lab's voices may begin a moment after the talk.
        assert re.fullmatch(r"-{0,2}c+-{3,5}c+-?", left), left
        assert re.fullmatch(r"-{0,2}e+-{3,5}e+-?", right), right
        assert real.talk is not None
        assert abs(listen(content).seconds - real.talk.seconds) < 0.5
        await exchange.until_nothing_is_left()


async def test_two_talks_recorded_apart_are_one_file_in_the_crm():
    story = talk(9.0)
    async with running(story, mode="talk") as exchange:
        playing = asyncio.create_task(played(exchange, story))
        call = await live_call(exchange)
        await asyncio.sleep(2)
        await api(exchange, "POST", f"calls/{call['id']}/transfer", to=N.phone(2))
        await playing
        _, content = await delivered(exchange)

        ended = (await api(exchange, "GET", f"calls/{call['id']}"))["call"]
        assert [one["party"]["number"] for one in ended["talks"]] == [N.phone(1), N.phone(2)]
        assert len(ended["recordings"]) == 2
        talked = ended["talk_seconds"]
        assert abs(listen(content).seconds - talked) < 1.0
        assert "b" in voices(content)[0]
        listed = (await api(exchange, "GET", "recordings"))["recordings"]
        assert [(one["name"], one["state"]) for one in listed] == [(name, "delivered") for name in ended["recordings"]]
        assert (await api(exchange, "GET", "recordings?missing"))["recordings"] == []


async def test_the_whole_call_is_one_file_through_a_transfer_with_the_music_in_it():
    story = talk(9.0)
    async with running(story) as exchange:
        playing = asyncio.create_task(played(exchange, story))
        call = await live_call(exchange)
        await asyncio.sleep(2)
        await api(exchange, "POST", f"calls/{call['id']}/transfer", to=N.phone(2))
        real = await playing
        _, content = await delivered(exchange)

        ended = (await api(exchange, "GET", f"calls/{call['id']}"))["call"]
        assert len(ended["recordings"]) == 1
        assert real.caller.answered_at is not None
        assert real.caller.ended_at is not None
        assert abs(listen(content).seconds - (real.caller.ended_at - real.caller.answered_at)) < 1.0


async def test_mp3_and_a_recording_that_goes_on_while_the_service_is_away():
    story = talk(8.0)
    async with running(story, format="mp3", stereo=True) as exchange:
        playing = asyncio.create_task(played(exchange, story))
        call = await live_call(exchange)
        assert await exchange.service.stop() == 0
        await asyncio.sleep(1)
        await exchange.service.start()
        await playing
        crm, content = await delivered(exchange)

        assert crm["record"]["filename"].endswith(".mp3")
        assert content[0] == 0xFF
        assert len(content) > 5.5 * 64_000 / 8  # seconds of two channels at 32 kbit/s each
        (left, right) = sorted(path.name for path in exchange.pbx.recordings.glob("*.wav"))
        assert (left, right) == (f"{call['recording']}-in.wav", f"{call['recording']}-out.wav")
        assert abs(listen((exchange.pbx.recordings / left).read_bytes()).seconds - 8.0) < 0.7


async def test_a_message_is_a_missed_call_with_the_callers_voice():
    async with running(MESSAGE) as exchange:
        await played(exchange, MESSAGE)
        crm, content = await delivered(exchange)

        assert (crm["finish"]["status_code"], crm["finish"]["duration"]) == ("304", 0)
        assert "c" in voices(content)[0]
        assert listen(content).seconds > 2
        await exchange.until_nothing_is_left()
