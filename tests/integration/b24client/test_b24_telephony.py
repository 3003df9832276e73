"""Calls, cards and recordings: the client and the sandbox over real sockets."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from b24_office import Office, Opens

from b24client import (
    AccessDenied,
    Command,
    FinishCall,
    Limits,
    NotRun,
    Portal,
    Refusal,
    Refused,
    RegisterCall,
    StatusCode,
    card_params,
    reference,
)


def incoming(number: str = "+79161234567", **fields: object) -> RegisterCall:
    return RegisterCall.model_validate({"user_id": 11, "phone_number": number, "type": 2, **fields})


def ended(call_id: str, user_id: int = 11, duration: int = 0) -> FinishCall:
    code = StatusCode.SUCCESS if duration else StatusCode.MISSED
    return FinishCall(call_id=call_id, user_id=user_id, duration=duration, status_code=code)


def on_screens(office: Office, call_id: str) -> set[int]:
    return {card.user_id for card in office.sandbox.calls.calls[call_id].open_cards()}


@pytest.fixture
async def portal(office: Office) -> Portal:
    return await office.installed()


async def test_a_call_from_ringing_to_the_statistics(office: Office, portal: Portal) -> None:
    telephony = portal.telephony
    began = datetime(2026, 3, 10, 8, 19, 38, tzinfo=UTC)
    call = await telephony.register(incoming(external_call_id="pbx-1", line_number="7495", call_start_date=began))
    assert (call.crm_entity_type, call.crm_entity_id) == ("CONTACT", 501)

    assert await telephony.show(call.call_id, [11, 12, 13])
    assert on_screens(office, call.call_id) == {11, 12, 13}
    assert await telephony.hide(call.call_id, [11, 13])
    assert on_screens(office, call.call_id) == {12}

    done = await telephony.finish(ended(call.call_id, user_id=12, duration=95))
    assert on_screens(office, call.call_id) == set()
    assert (done.portal_user_id, done.call_duration, done.call_type) == (12, 95, 2)
    assert done.crm_activity_id

    rows = await telephony.statistic({"EXTERNAL_CALL_ID": "pbx-1"})
    assert [(row.call_id, row.call_failed_code, row.portal_number) for row in rows] == [(call.call_id, "200", "7495")]
    assert rows[0].call_start_date == began


async def test_an_unknown_number_becomes_a_lead_of_who_talked(office: Office, portal: Portal) -> None:
    call = await portal.telephony.register(incoming("+79990000001", crm_create=True))
    assert call.crm_created_lead == call.crm_entity_id
    await portal.telephony.finish(ended(call.call_id, user_id=13, duration=4))
    (client,) = await portal.telephony.search_crm_entities("8 999 000-00-01")
    assert (client.entity_type, client.assigned_by_id, client.assigned_by_extension) == ("LEAD", 13, "103")


async def test_a_known_client_keeps_his_manager(office: Office, portal: Portal) -> None:
    call = await portal.telephony.register(incoming(crm_create=True))
    await portal.telephony.finish(ended(call.call_id, user_id=13, duration=4))
    (client,) = await portal.telephony.search_crm_entities("+79161234567")
    assert (client.assigned_by_id, client.timeman_status) == (11, "OPENED")


async def test_nobody_has_this_number(portal: Portal) -> None:
    assert await portal.telephony.search_crm_entities("+79990000002") == []


async def test_the_same_registration_twice_is_one_call(portal: Portal) -> None:
    first = await portal.telephony.register(incoming(external_call_id="pbx-1"))
    again = await portal.telephony.register(incoming(external_call_id="pbx-1"))
    other = await portal.telephony.register(incoming(external_call_id="pbx-2"))
    assert first.call_id == again.call_id != other.call_id
    await portal.telephony.finish(ended(first.call_id))
    assert (await portal.telephony.register(incoming(external_call_id="pbx-1"))).call_id != first.call_id


async def test_only_the_first_finish_counts(portal: Portal) -> None:
    call = await portal.telephony.register(incoming())
    await portal.telephony.finish(ended(call.call_id, duration=10))
    with pytest.raises(Refused) as refused:
        await portal.telephony.finish(ended(call.call_id))
    assert refused.value.reason is Refusal.CALL_NOT_FOUND
    assert [row.call_duration for row in await portal.telephony.statistic({"CALL_ID": call.call_id})] == [10]


async def test_a_card_of_a_call_that_is_over(portal: Portal) -> None:
    call = await portal.telephony.register(incoming())
    await portal.telephony.finish(ended(call.call_id))
    assert not await portal.telephony.show(call.call_id, 11)
    assert not await portal.telephony.hide("externalCall.unknown.1", [11])


async def test_a_dismissed_employee(portal: Portal) -> None:
    with pytest.raises(Refused) as refused:
        await portal.telephony.register(incoming(user_id=14))
    assert refused.value.reason is Refusal.USER_NOT_FOUND


async def test_an_employee_by_his_extension(office: Office, portal: Portal) -> None:
    call = await portal.telephony.register(incoming(user_id=None, user_phone_inner="103", show=True))
    assert on_screens(office, call.call_id) == {13}


async def test_a_withheld_number(portal: Portal, open_office: Opens) -> None:
    call = await portal.telephony.register(incoming("anonymous", crm_create=True))
    assert (call.crm_entity_type, call.crm_created_lead) == ("", None)

    strict = await open_office(lambda config: setattr(config.switches, "strict_numbers", True))
    with pytest.raises(Refused) as refused:
        await (await strict.installed()).telephony.register(incoming("anonymous"))
    assert refused.value.reason is Refusal.BAD_NUMBER


async def test_a_webhook_may_not_register(office: Office, open_office: Opens) -> None:
    with pytest.raises(AccessDenied, match="installed application"):
        await (await office.by_webhook()).telephony.register(incoming())

    lenient = await open_office(lambda config: setattr(config.switches, "allow_webhook_telephony", True))
    assert (await (await lenient.by_webhook()).telephony.register(incoming())).call_id


async def test_empty_codes_mean_the_same(open_office: Opens) -> None:
    office = await open_office(lambda config: setattr(config.switches, "empty_error_codes", True))
    with pytest.raises(Refused) as refused:
        await (await office.installed()).telephony.finish(ended("externalCall.unknown.1"))
    assert (refused.value.code, refused.value.reason) == ("", Refusal.CALL_NOT_FOUND)


async def test_one_request_registers_and_shows(office: Office, portal: Portal) -> None:
    results = await portal.batch(
        [
            Command("reg", "telephony.externalCall.register", incoming(external_call_id="pbx-1").to_params()),
            Command("show", "telephony.externalCall.show", card_params(reference("reg", "CALL_ID"), [11, 12])),
            Command("bad", "telephony.externalCall.finish", ended("externalCall.unknown.1").to_params()),
            Command("who", "user.get", {"FILTER": {"UF_PHONE_INNER": "102"}}),
        ]
    )
    call_id = results["reg"].unwrap()["CALL_ID"]
    assert results["show"].unwrap() is True
    assert on_screens(office, call_id) == {11, 12}
    assert isinstance(results["bad"].error, Refused)
    assert results["who"].unwrap()[0]["ID"] == "12"
    assert office.sandbox.journal.requests == 1


async def test_a_batch_stops_when_told_to(portal: Portal) -> None:
    results = await portal.batch(
        [Command("bad", "no.such.method"), Command("never", "server.time")],
        halt=True,
    )
    assert isinstance(results["bad"].error, AccessDenied)
    assert isinstance(results["never"].error, NotRun)


@pytest.mark.parametrize("limits", [Limits(), Limits(enabled=False)])
async def test_operations_of_one_call_keep_their_order_and_calls_do_not_wait_for_each_other(
    office: Office, limits: Limits
) -> None:
    portal = await office.installed(limits=limits)
    office.trouble(kind="hang", seconds=0.3, times=1, methods=["server.time"])
    done: list[str] = []

    async def ask(method: str, call: str) -> None:
        await portal.call(method, order=call)
        done.append(f"{call} {method}")

    await asyncio.gather(ask("server.time", "1"), ask("scope", "1"), ask("profile", "1"), ask("profile", "2"))

    assert done == ["2 profile", "1 server.time", "1 scope", "1 profile"]
    assert portal.waiting == 0
