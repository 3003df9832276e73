"""What became of a register or a finish whose answer was lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from b24_office import Office

from b24client import (
    AccessDenied,
    B24Error,
    BadReply,
    FinishCall,
    Portal,
    Refused,
    RegisterCall,
    StatusCode,
    Telephony,
    UnknownOutcome,
    Utterance,
)
from b24client.sandbox.audit import audit

REGISTER = "telephony.externalCall.register"
FINISH = "telephony.externalCall.finish"


@pytest.fixture
async def portal(office: Office) -> Portal:
    return await office.installed()


def incoming(**fields: Any) -> RegisterCall:
    return RegisterCall.model_validate(
        {"user_id": 11, "phone_number": "+79161234567", "type": 2, "external_call_id": "pbx-1", **fields}
    )


def ended(call_id: str) -> FinishCall:
    return FinishCall(call_id=call_id, user_id=11, duration=95, status_code=StatusCode.SUCCESS)


def ago(**time: float) -> datetime:
    return datetime.now(UTC) - timedelta(**time)


async def lost(office: Office, method: str, asked: Any) -> None:
    """The portal does what it is asked, its answer does not come."""
    office.trouble(kind="lose_reply", methods=[method], times=1)
    with pytest.raises(UnknownOutcome):
        await asked


async def test_a_registration_is_recognised_when_it_is_repeated(office: Office, portal: Portal) -> None:
    await lost(office, REGISTER, portal.telephony.register(incoming()))
    (call,) = office.sandbox.calls.calls.values()

    settled = await portal.telephony.settle_register(incoming(), ago(minutes=1))

    assert settled.call_id == call.call_id
    assert len(office.sandbox.calls.calls) == 1
    assert office.requests("voximplant.statistic.get") == 0


async def test_a_registration_that_never_arrived_is_made_up_for(office: Office, portal: Portal) -> None:
    settled = await portal.telephony.settle_register(incoming(), ago(hours=1))
    assert list(office.sandbox.calls.calls) == [settled.call_id]


async def test_an_old_registration_is_looked_up(office: Office, portal: Portal) -> None:
    call = await portal.telephony.register(incoming())
    await portal.telephony.finish(ended(call.call_id))

    settled = await portal.telephony.settle_register(incoming(), ago(minutes=40))

    assert settled.call_id == call.call_id
    assert (settled.crm_entity_type, settled.crm_entity_id) == ("CONTACT", 501)
    assert office.requests(REGISTER) == 1


async def test_a_call_without_an_id_of_ours_can_not_be_told_from_others(office: Office, portal: Portal) -> None:
    with pytest.raises(ValueError, match="external_call_id"):
        await portal.telephony.settle_register(incoming(external_call_id=None), ago(minutes=1))
    assert office.sandbox.journal.requests == 0


async def test_a_finish_that_arrived_is_not_sent_again(office: Office, portal: Portal) -> None:
    call = await portal.telephony.register(incoming())
    await lost(office, FINISH, portal.telephony.finish(ended(call.call_id)))

    settled = await portal.telephony.settle_finish(ended(call.call_id))

    assert (settled.call_id, settled.call_duration, settled.call_type) == (call.call_id, 95, 2)
    assert settled.crm_activity_id == office.sandbox.calls.calls[call.call_id].finish.activity_id  # type: ignore[union-attr]
    assert office.requests(FINISH) == 1
    assert audit(office.sandbox) == []


async def test_a_finish_that_did_not_arrive_is_sent(office: Office, portal: Portal) -> None:
    call = await portal.telephony.register(incoming())
    settled = await portal.telephony.settle_finish(ended(call.call_id))
    assert (settled.call_duration, office.requests(FINISH)) == (95, 1)


async def test_statistics_that_lag_behind_are_asked_once_more(
    office: Office, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = await portal.telephony.register(incoming())
    await lost(office, FINISH, portal.telephony.finish(ended(call.call_id)))
    get, asked = office.sandbox.calls.get, []

    def behind(call_id: Any) -> Any:
        asked.append(call_id)
        return None if len(asked) == 1 else get(call_id)

    monkeypatch.setattr(office.sandbox.calls, "get", behind)
    assert (await portal.telephony.settle_finish(ended(call.call_id))).call_duration == 95
    assert office.sandbox.calls.finished == 1


async def test_a_finish_of_a_call_nobody_registered_stays_refused(portal: Portal) -> None:
    with pytest.raises(Refused, match="Call is not found"):
        await portal.telephony.settle_finish(ended("externalCall.unknown.1"))


async def test_a_call_is_found_by_either_id(portal: Portal) -> None:
    call = await portal.telephony.register(incoming())
    assert await portal.telephony.find(external_call_id="pbx-1") is None  # the statistics hold what is finished
    await portal.telephony.finish(ended(call.call_id))
    by_ours = await portal.telephony.find(external_call_id="pbx-1")
    assert by_ours is not None
    assert by_ours.call_id == call.call_id
    assert await portal.telephony.find(call_id=call.call_id) == by_ours
    for nonsense in ({}, {"call_id": "a", "external_call_id": "b"}, {"call_id": ""}):
        with pytest.raises(ValueError, match="one of the two"):
            await portal.telephony.find(**nonsense)


async def test_the_statistics_of_many_calls(office: Office, portal: Portal) -> None:
    for number in range(120):
        call = await portal.telephony.register(incoming(external_call_id=f"pbx-{number}"))
        await portal.telephony.finish(ended(call.call_id))
    seen: list[tuple[int, int | None]] = []

    rows = [row async for row in portal.telephony.iterate_statistic(progress=lambda *told: seen.append(told))]

    assert [row.external_call_id for row in rows] == [f"pbx-{number}" for number in range(120)]
    assert seen == [(50, 120), (100, 120), (120, 120)]
    assert office.requests("voximplant.statistic.get") == 3


class Heard:
    """A portal that answers with what it is told to, and remembers what it was asked."""

    def __init__(self, result: Any) -> None:
        self.result = result
        self.asked: list[tuple[str, Any]] = []

    async def call(self, method: str, params: Any = None, **_: Any) -> Any:
        self.asked.append((method, params))
        if isinstance(self.result, B24Error):
            raise self.result
        return self.result


SPOKEN = [
    Utterance(side="User", start=1, stop=3, message="Good afternoon"),
    Utterance(side="Client", start=4, stop=7, message="Hello"),
]


async def test_a_transcription_goes_in_the_portals_words() -> None:
    heard = Heard({"TRANSCRIPT_ID": 1})
    telephony = Telephony(heard)  # type: ignore[arg-type]
    assert await telephony.attach_transcription("c", SPOKEN, cost=1.5, cost_currency="RUB") == 1
    assert heard.asked == [
        (
            "telephony.call.attachTranscription",
            {
                "CALL_ID": "c",
                "MESSAGES": [
                    {"SIDE": "User", "START_TIME": 1, "STOP_TIME": 3, "MESSAGE": "Good afternoon"},
                    {"SIDE": "Client", "START_TIME": 4, "STOP_TIME": 7, "MESSAGE": "Hello"},
                ],
                "COST": 1.5,
                "COST_CURRENCY": "RUB",
            },
        )
    ]
    heard.result = []
    with pytest.raises(BadReply, match="TRANSCRIPT_ID"):
        await telephony.attach_transcription("c", SPOKEN)
    with pytest.raises(ValueError, match="utterances"):
        await telephony.attach_transcription("c", [])


@pytest.mark.parametrize(
    "wrong", [{"side": "Robot"}, {"start": -1}, {"stop": 0}, {"message": ""}, {"start": 9, "stop": 3}]
)
def test_an_utterance_no_portal_would_take(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Utterance.model_validate({"side": "User", "start": 1, "stop": 3, "message": "Hello", **wrong})


async def test_statistics_we_may_not_see(portal: Portal, office: Office) -> None:
    office.trouble(
        kind="error", status=403, code="ACCESS_DENIED", description="Access denied!", methods=["voximplant.*"]
    )
    with pytest.raises(AccessDenied):
        await portal.telephony.settle_finish(ended("c"))
    assert office.requests(FINISH) == 0
