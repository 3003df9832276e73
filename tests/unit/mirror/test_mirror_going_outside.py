"""A call between employees that goes on to a client is in the portal from there, as an outgoing call to him."""

from b24client import CallType
from stasis_app.calls import facts as f
from stasis_app.calls.facts import EndedBy, Party, PartyKind, TransferResult, Unanswered
from tests.unit.mirror.mirror_story import ANNA, BORIS, CLIENT, Story


def anna_talks_with_boris(call: Story) -> Story:
    call.is_internal(ANNA, BORIS).rings(BORIS).answers(BORIS).talks(BORIS)
    return call.wait(30)


def boris_gives_her_to_the_client(call: Story) -> Story:
    """His phone is free at once; the client's rings."""
    call.transfers(BORIS, CLIENT).leaves(BORIS)
    by = Party(PartyKind.EMPLOYEE, BORIS)
    call.tell(f.WentOutside(call_id=call.call_id, at=call.now, number=CLIENT, by=by, line="74951230000"))
    return call.rings(CLIENT)


async def test_it_is_registered_once_the_client_is_rung(desk):
    call = anna_talks_with_boris(desk.call())
    assert await desk.heard() == []

    boris_gives_her_to_the_client(call)
    assert await desk.heard() == ["register for 12, show 11"]
    registered = desk.portal.registered[0]
    assert (registered.phone_number, registered.type, registered.line_number) == (
        CLIENT,
        CallType.OUTGOING,
        "74951230000",
    )
    assert registered.call_start_date == call.now

    call.wait(5).answers(CLIENT).talks(CLIENT)
    call.transfer_ends(BORIS, CLIENT, TransferResult.COMPLETED).wait(40).ends()
    assert await desk.heard() == ["register for 12, show 11", "finish 11 200 40s"]


async def test_a_client_who_does_not_answer_was_not_reached_by_who_let_the_call_go(desk):
    call = boris_gives_her_to_the_client(anna_talks_with_boris(desk.call()))
    call.wait(20).gives_up(CLIENT, Unanswered.BUSY, 17, 486)
    call.transfer_ends(BORIS, CLIENT, TransferResult.UNANSWERED).wait(5).ends(EndedBy.EMPLOYEE)

    assert (await desk.heard())[-1] == "finish 12 486 0s"


async def test_what_was_recorded_among_employees_is_not_the_clients(desk):
    call = anna_talks_with_boris(desk.call())
    call.tell(f.RecordingStarted(call_id=call.call_id, at=call.now, name="inside"))
    boris_gives_her_to_the_client(call).is_recorded("inside")
    call.wait(5).answers(CLIENT).talks(CLIENT).wait(40).is_recorded("outside").ends()

    assert (await desk.heard())[-1] == "attach outside.wav"


async def test_where_internal_calls_are_told_it_stays_the_one_call_it_was(open_desk):
    desk = await open_desk(default_user=1, internal_calls=True)
    call = anna_talks_with_boris(desk.call())
    await desk.heard()
    boris_gives_her_to_the_client(call).wait(20).gives_up(CLIENT, Unanswered.NO_ANSWER).ends(EndedBy.EMPLOYEE)

    heard = await desk.heard()
    assert [line for line in heard if line.startswith("register")] == ["register for 11, show 11+12"]
    assert heard[-1].startswith("finish")
    assert "200 30s" in heard[-1]
