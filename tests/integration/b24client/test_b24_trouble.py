"""What the client makes of a portal that is slow, full, broken or away."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from b24_office import Office, Opens

from b24client import (
    B24Error,
    BadReply,
    CallType,
    Command,
    LimitExceeded,
    Limits,
    Portal,
    Priority,
    RegisterCall,
    Temporary,
    UnknownOutcome,
    WebhookAuth,
)
from b24client.sandbox import SandboxConfig

CALL = RegisterCall(user_id=11, phone_number="+79161234567", type=CallType.INCOMING, external_call_id="pbx-1")
PROXY_PAGE = "<html><body><h1>502 Bad Gateway</h1></body></html>"


async def test_a_lost_answer_to_a_registration_is_an_unknown_outcome(office: Office) -> None:
    portal = await office.installed()
    office.trouble(kind="lose_reply", times=1, methods=["*.register"])
    with pytest.raises(UnknownOutcome):
        await portal.telephony.register(CALL)
    assert len(office.sandbox.calls.calls) == 1  # it had been carried out
    again = await portal.telephony.register(CALL)
    assert list(office.sandbox.calls.calls) == [again.call_id]


async def test_a_lost_answer_in_a_batch_is_unknown_if_any_command_matters(office: Office) -> None:
    portal = await office.installed()
    office.trouble(kind="lose_reply", times=1, methods=["batch"])
    with pytest.raises(UnknownOutcome):
        await portal.batch([Command("t", "server.time"), Command("r", "telephony.externalCall.register")])


async def test_a_lost_answer_to_a_question_is_asked_again_at_once(office: Office) -> None:
    portal = await office.by_webhook()
    office.trouble(kind="lose_reply", times=1)
    assert (await portal.profile()).id == 1
    assert office.requests("profile") == 2


async def test_what_has_waited_for_room_is_not_sent_when_another_program_has_taken_over(office: Office) -> None:
    ours = True

    async def may_send() -> bool:
        return ours

    portal = await office.installed(limits=Limits(rate=5, burst=1), may_send=may_send)
    await portal.telephony.register(CALL)
    other = CALL.model_copy(update={"external_call_id": "pbx-2"})
    waiting = [asyncio.create_task(portal.telephony.register(other)) for _ in range(2)]
    await asyncio.sleep(0.01)
    assert portal.waiting == 2
    ours = False

    for registration in waiting:
        with pytest.raises(Temporary, match="not for this program"):
            await registration
    with pytest.raises(Temporary, match="not for this program"):
        await portal.profile()
    assert office.requests("telephony.externalCall.register") == 1


async def test_a_portal_that_resets_every_connection(office: Office) -> None:
    portal = await office.installed()
    office.trouble(kind="down")
    with pytest.raises(Temporary):
        await portal.profile()
    with pytest.raises(UnknownOutcome):
        await portal.telephony.register(CALL)
    office.sandbox.faults.clear()
    assert (await portal.profile()).id == 1


async def test_nobody_listens(unused_tcp_port: int) -> None:
    async with Portal(WebhookAuth(f"http://127.0.0.1:{unused_tcp_port}/rest/1/secret/"), allow_http=True) as portal:
        with pytest.raises(Temporary, match="no connection"):
            await portal.call("telephony.externalCall.register", CALL.to_params())


async def test_a_question_never_lasts_longer_than_its_time(office: Office) -> None:
    portal = await office.by_webhook()
    office.trouble(kind="hang", seconds=0.5)
    with pytest.raises(Temporary, match=r"within 0\.1 s"):
        await portal.telephony.search_crm_entities("+79161234567", timeout=0.1)


async def test_a_registration_that_lasts_too_long_has_an_unknown_outcome(office: Office) -> None:
    portal = await office.installed()
    office.trouble(kind="hang", seconds=0.5)
    with pytest.raises(UnknownOutcome):
        await portal.telephony.register(CALL, timeout=0.1)


async def test_one_hanging_request_does_not_hold_up_others(office: Office) -> None:
    portal = await office.by_webhook()
    office.trouble(kind="hang", seconds=1, times=1)
    first, second = [asyncio.create_task(portal.users.current()) for _ in range(2)]
    done, hanging = await asyncio.wait([first, second], return_when=asyncio.FIRST_COMPLETED)
    assert len(done) == 1
    for task in hanging:
        task.cancel()


async def test_a_proxys_page(office: Office) -> None:
    portal = await office.installed()
    office.trouble(kind="error", status=502, body=PROXY_PAGE)
    with pytest.raises(Temporary, match="502 Bad Gateway"):
        await portal.profile()
    with pytest.raises(UnknownOutcome):
        await portal.telephony.register(CALL)
    office.sandbox.faults.clear()
    office.trouble(kind="error", status=200, body="<html>maintenance</html>")
    with pytest.raises(BadReply, match="maintenance"):
        await portal.profile()


@pytest.mark.parametrize(
    "body", ["", "[]", "null", "7", '{"result"', "{}", "\x00\xff" * 50, '{"result": 1' + "x" * 1000000]
)
async def test_answers_no_portal_should_give(body: str) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=body.encode("latin-1"), content_type="application/json")

    app = web.Application()
    app.router.add_post("/{path:.*}", answer)
    async with TestServer(app) as server:
        url = f"http://127.0.0.1:{server.port}/rest/1/secretsecret/"
        async with Portal(WebhookAuth(url), allow_http=True) as portal:
            for question in (portal.profile, portal.scope, portal.users.current):
                with pytest.raises(BadReply) as bad:
                    await question()
                assert len(str(bad.value)) < 400
            with pytest.raises(B24Error):
                await portal.batch([Command("a", "user.get")])


async def test_a_portals_own_failure_is_temporary(office: Office) -> None:
    portal = await office.by_webhook()
    office.trouble(kind="error", status=500, times=1)
    with pytest.raises(Temporary, match="INTERNAL_SERVER_ERROR"):
        await portal.profile()


async def test_the_portals_limit_is_never_overrun(open_office: Opens) -> None:
    def limited(config: SandboxConfig) -> None:
        config.limits.enabled, config.limits.rate, config.limits.burst = True, 20, 30

    office = await open_office(limited)
    portal = await office.by_webhook(limits=Limits(rate=20, burst=30))
    await asyncio.gather(*(portal.call("server.time", priority=Priority.LOOKUP) for _ in range(45)))
    assert office.sandbox.gate.overruns == 0
    assert office.requests("server.time") == 45


async def test_an_overrun_is_respected_and_waited_out(open_office: Opens) -> None:
    def limited(config: SandboxConfig) -> None:
        config.limits.enabled, config.limits.rate, config.limits.burst = True, 1, 2

    office = await open_office(limited)
    portal = await office.by_webhook(limits=Limits(rate=1, burst=50))
    for _ in range(3):
        assert await portal.call("server.time")  # the third is refused at first, and nobody need know
    with pytest.raises(LimitExceeded, match="no room") as limit:
        for _ in range(3):
            await portal.call("server.time", timeout=0.2)
    assert limit.value.retry_after >= 1
    assert office.sandbox.gate.overruns == 1  # what found no room was not even sent


async def test_a_method_that_used_up_its_time_is_left_alone(open_office: Opens) -> None:
    def limited(config: SandboxConfig) -> None:
        config.limits.enabled, config.limits.operating_seconds = True, 0.02
        config.latencies = {"user.*": 0.03}

    office = await open_office(limited)
    portal = await office.by_webhook()
    await portal.users.current()
    with pytest.raises(LimitExceeded, match="OPERATION_TIME_LIMIT") as limit:
        await portal.users.current()
    assert 500 < limit.value.retry_after <= 600
    with pytest.raises(LimitExceeded):
        await portal.users.current()
    assert office.requests("user.current") == 2
    assert (await portal.profile()).id == 1


async def test_all_users_of_many_pages(open_office: Opens) -> None:
    def crowded(config: SandboxConfig) -> None:
        first = config.users[0]
        config.users += [first.model_copy(update={"id": 1000 + i, "extension": str(2000 + i)}) for i in range(120)]

    office = await open_office(crowded)
    users = await (await office.by_webhook()).users.list()
    assert len(users) == len({user.id for user in users}) == 125
    assert office.requests("user.get") == 3


async def test_a_closed_portal_sends_nothing(office: Office) -> None:
    portal = await office.by_webhook()
    await portal.profile()
    await portal.aclose()
    with pytest.raises(Temporary, match="closed"):
        await portal.profile()
    assert office.requests("profile") == 1
