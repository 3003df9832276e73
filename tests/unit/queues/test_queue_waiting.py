"""What a caller hears who waits in a queue, and in which order callers are served."""

import pytest
from queue_fakes import Hall

from stasis_app.calls.facts import Queued
from stasis_app.crm import Client


async def test_the_caller_hears_music_until_he_is_connected_and_no_ringing():
    hall = Hall("101")
    await hall.calls("1.0")
    await hall.rings("101")

    assert hall.bridges["holding-sales"] == ["1.0"]
    assert hall.requests("ring") == []

    await hall.answers("101")
    await hall.settled()
    assert hall.bridges["holding-sales"] == []
    assert hall.talks("1.0") == "101"


async def test_waiting_in_the_line_is_no_conversation():
    hall = Hall("101")
    await hall.calls("1.0")
    await hall.calls("2.0")

    assert not hall.records["1.0"].answered
    assert not hall.records["2.0"].answered


async def test_two_callers_of_one_agent_are_served_in_order():
    hall = Hall("101")
    await hall.calls("1.0")
    await hall.calls("2.0")
    await hall.answered_by("101")
    assert (hall.talks("1.0"), hall.waiting(), hall.rung()) == ("101", ["2.0"], ["101"])

    await hall.hangs_up("1.0")
    await hall.settled()
    await hall.answered_by("101")

    assert hall.talks("2.0") == "101"


async def test_the_caller_is_told_his_position_and_the_others_hear_nothing_of_it():
    hall = Hall("101", announce_position=True, announce_every=30)
    await hall.calls("1.0")
    await hall.calls("2.0")

    assert [media for _, channel, media in hall.requests("play") if channel == "2.0"] == ["sound:queue-thereare"]
    assert [media for _, channel, media in hall.requests("play") if channel == "1.0"] == ["sound:queue-youarenext"]
    assert [(q.call_id, q.position) for q in hall.told(Queued)] == [("1.0", 1), ("2.0", 2)]


async def test_an_announcement_ends_when_an_agent_answers():
    hall = Hall("101", announce_position=True)
    await hall.calls("1.0")
    assert [media for _, media, _ in hall.playing] == ["sound:queue-youarenext"]

    await hall.answered_by("101")

    assert hall.playing == []
    assert hall.talks("1.0") == "101"


async def test_announcements_come_again():
    hall = Hall("101", announce_position=True, announce_every=30, ring_seconds=300)
    await hall.calls("1.0")
    await hall.prompt_ends()
    await hall.prompt_ends()
    assert hall.playing == []

    await hall.passes(31)

    assert [media for _, media, _ in hall.playing] == ["sound:queue-youarenext"]


async def test_the_expected_wait_is_told_once_calls_have_shown_it():
    hall = Hall("101", announce_wait=True, timeout=3600)
    await hall.calls("1.0")
    await hall.answered_by("101")
    await hall.passes(100)
    await hall.hangs_up("1.0")
    await hall.calls("2.0")
    await hall.answered_by("101")

    await hall.calls("3.0")

    assert hall.queue.expected_wait(next(iter(hall.queue.line))) == pytest.approx(100, abs=1)
    assert [media for _, channel, media in hall.requests("play") if channel == "3.0"] == ["sound:queue-holdtime"]


class Crm:
    """Contact 651 is VIP, contact 652 has an open deal."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    async def fields(self, entity_type: str, entity_id: int) -> dict[str, object]:
        self.asked.append(("fields", entity_id))
        return {"UF_CRM_VIP": entity_id == 651}

    async def has_open_deal(self, entity_type: str, entity_id: int) -> bool:
        self.asked.append(("deal", entity_id))
        return entity_id == 652


async def test_the_vip_and_then_the_client_with_an_open_deal_go_first():
    hall = Hall("101", crm=Crm(), first=["vip", "open_deal"])
    hall.knows("79161111111", Client("CONTACT", 651, "Vip"))
    hall.knows("79162222222", Client("CONTACT", 652, "Dealer"))
    await hall.calls("1.0")
    await hall.answered_by("101")
    await hall.calls("2.0", "79163333333")
    await hall.calls("3.0", "79162222222")
    await hall.calls("4.0", "79161111111")

    assert hall.waiting() == ["4.0", "3.0", "2.0"]


async def test_nobody_waits_for_a_crm_that_does_not_answer():
    class Silent(Crm):
        async def fields(self, entity_type: str, entity_id: int) -> dict[str, object]:
            raise OSError("away")

    hall = Hall("101", crm=Silent(), first=["vip"])
    hall.knows("79161234567", Client("CONTACT", 651, "Ivanov", user_id=101))

    await hall.calls("1.0")

    assert hall.rung() == ["101"]


async def test_other_keys_mean_nothing():
    hall = Hall("101", call_back_key="5")
    await hall.calls("1.0")
    await hall.presses("3", "4")
    await hall.settled()

    assert hall.waiting() == ["1.0"]
    assert hall.rung() == ["101"]
