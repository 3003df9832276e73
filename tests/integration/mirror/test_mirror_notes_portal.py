"""The note about a call that was moved, in the history of the client."""

from __future__ import annotations

from b24client.sandbox.faults import Fault
from tests.unit.mirror.mirror_story import ANNA, BORIS, Story


def moved(call: Story) -> Story:
    call.comes_in().known_as(501, user_id=11).rings(ANNA).answers(ANNA).talks(ANNA).wait(9)
    return call.leaves(ANNA).rings(BORIS).answers(BORIS).talks(BORIS).wait(5).ends()


async def history(company) -> list[str]:
    await company.mirror.settled()
    return [comment.comment for comment in await company.portal.timeline.latest_comments("contact", 501)]


async def test_the_client_s_history_names_who_talked(company):
    moved(company.call())

    (text,) = await history(company)
    assert text.startswith("Who talked in this call (1773130778.1):")
    assert "101 talked (0:09)" in text
    assert "102 talked (0:05)" in text


async def test_a_lost_answer_makes_no_second_note(company):
    company.sandbox.faults.add(Fault(kind="lose_reply", times=1, methods=["crm.timeline.comment.add"]))
    moved(company.call())

    assert len(await history(company)) == 1


async def test_a_note_that_never_arrived_is_written_by_the_next_life_of_the_service(company):
    company.trouble(kind="error", status=503, methods=["crm.timeline.comment.add"], code="OVERLOAD_LIMIT", times=1)
    moved(company.call())
    await company.sees("finish")
    await company.restart()

    assert len(await history(company)) == 1


async def test_each_call_has_its_own_note(company):
    moved(company.call("1773130778.1"))
    moved(company.call("1773130778.12"))

    assert len(await history(company)) == 2
