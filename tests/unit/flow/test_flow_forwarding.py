"""Where a call to an extension goes when its employee forwards it, is busy or not to be disturbed; and the codes."""

from typing import Any

import pytest
from flow_fakes import FakeCall, Office, on_freepbx

from stasis_app.calls.facts import Direction, Unanswered
from stasis_app.crm import Extension, Extensions
from stasis_app.flow import Codes, route_internal
from stasis_app.flow.elements.ring import Ring
from stasis_app.flow.script_call import ScriptCall
from stasis_app.flow.step import Step


@pytest.fixture
async def office() -> Office:
    return Office()


async def test_who_forwards_always_is_rung_where_he_is(office: Office) -> None:
    await office.extensions.change("101", forward_always="102")

    call = await office.calls("101", answers=("102",))

    assert call.rung == [("102",)]
    assert ("note", "Forwarded") in call.done


async def test_at_an_outside_number_it_is_still_he_who_answers(office: Office) -> None:
    await office.extensions.change("101", forward_always="89161234567")

    await office.calls("101", answers=("101",))

    assert office.result.answered_by is not None
    assert office.result.answered_by.number == "101"


@pytest.mark.parametrize("state", ["busy", "dnd"])
async def test_who_is_busy_is_forwarded_if_he_wishes(state: str) -> None:
    office = Office(x101=state)
    await office.extensions.change("101", forward_busy="103")

    assert (await office.calls("101")).rung == [("103",)]


async def test_do_not_disturb_is_kept(office: Office) -> None:
    await office.extensions.change("101", do_not_disturb=True)

    call = await office.calls("101")

    assert call.rung == []
    assert [why for _, why in office.result.tried] == [Unanswered.BUSY]


@pytest.mark.parametrize(
    ("why", "rung"),
    [
        (Unanswered.NO_ANSWER, [("101",), ("102",)]),
        (Unanswered.BUSY, [("101",), ("103",)]),
        (Unanswered.DECLINED, [("101",), ("103",)]),
    ],
)
async def test_who_does_not_take_the_call_is_forwarded_afterwards(
    office: Office, why: Unanswered, rung: list[tuple[str, ...]]
) -> None:
    await office.extensions.change("101", forward_no_answer="102", forward_busy="103")

    call = await office.calls("101", x101=why)

    assert call.rung == rung


async def test_a_circle_leads_to_nobody(office: Office) -> None:
    for extension, to in (("101", "102"), ("102", "103"), ("103", "101")):
        await office.extensions.change(extension, forward_always=to)

    call = await office.calls("101")

    assert call.rung == []
    assert office.result.answered_by is None


async def test_two_who_do_not_answer_send_the_call_to_and_fro_once(office: Office) -> None:
    await office.extensions.change("101", forward_no_answer="102")
    await office.extensions.change("102", forward_no_answer="101")

    assert (await office.calls("101")).rung == [("101",), ("102",)]


async def test_of_a_group_who_is_elsewhere_is_rung_there_and_for_the_busy_the_others_answer() -> None:
    office = Office(x102="busy")
    await office.extensions.change("101", forward_always="103")
    await office.extensions.change("102", forward_busy="101")
    step = Step(FakeCall(), office.context)

    ways = await step.ways([step.target(number) for number in ("101", "102")])

    assert [way.target.party.number for way in ways if way.target] == ["103"]
    assert [way.why for way in ways if not way.target] == ["102 busy"]


async def test_a_group_that_rings_everybody_rings_who_is_elsewhere_there(office: Office) -> None:
    office.asterisk.phones["102"] = "offline"
    await office.extensions.change("101", forward_always="102")
    call = FakeCall()

    await Ring(targets=("101",), skip_unavailable=False, on_no_answer="bye").run(Step(call, office.context))

    assert call.rung == [("102",)]


async def connects(office: Office, *numbers: str, **how: Any) -> tuple[FakeCall, list[tuple[str, Unanswered]]]:
    call = FakeCall()
    result = await ScriptCall(Step(call, office.context)).ring(*numbers, **how)
    return call, [(party.number, why) for party, why in result.tried]


async def test_a_script_rings_one_wherever_he_forwards_his_calls_to(office: Office) -> None:
    await office.extensions.change("101", forward_no_answer="102")

    call, tried = await connects(office, "101")

    assert call.rung == [("101",), ("102",)]
    assert tried == [("101", Unanswered.NO_ANSWER), ("102", Unanswered.NO_ANSWER)]


@pytest.mark.parametrize("in_turn", [False, True])
async def test_of_several_a_script_rings_those_who_can_be_rung_where_they_are(in_turn: bool) -> None:
    office = Office(x102="dnd")
    await office.extensions.change("101", forward_always="103")
    await office.extensions.change("102", forward_busy="101")

    call, tried = await connects(office, "101", "102", in_turn=in_turn)

    assert call.rung == [("103",)]
    assert ("102", Unanswered.BUSY) in tried


async def test_when_none_of_them_can_be_rung_a_script_is_told_why() -> None:
    call, tried = await connects(Office(x101="offline", x102="busy"), "101", "102")

    assert call.rung == []
    assert tried == [("101", Unanswered.UNREACHABLE), ("102", Unanswered.BUSY)]


@pytest.mark.parametrize(("waiting", "rung"), [(True, [("101",)]), (False, [])])
async def test_a_phone_in_a_call_rings_only_with_call_waiting(waiting: bool, rung: list[tuple[str, ...]]) -> None:
    office = Office(x101="busy")
    await office.extensions.change("101", call_waiting=waiting)

    assert (await office.calls("101")).rung == rung


async def dial(office: Office, code: str, *keys: str) -> FakeCall:
    call = FakeCall("101", direction=Direction.INTERNAL, dialled=code, keys=keys)
    await route_internal(None, call, office.context, code)  # type: ignore[arg-type]
    return call


@pytest.mark.parametrize(
    ("code", "field", "value"),
    [
        ("*78", "do_not_disturb", True),
        ("*79", "do_not_disturb", False),
        ("*70", "call_waiting", True),
        ("*71", "call_waiting", False),
        ("*72102", "forward_always", "102"),
        ("*90103", "forward_busy", "103"),
        ("*5289161234567", "forward_no_answer", "89161234567"),
        ("*73", "forward_always", ""),
    ],
)
async def test_a_code_sets_ones_own_extension_and_says_so(office: Office, code: str, field: str, value: object) -> None:
    call = await dial(office, code)

    assert getattr(office.extensions.of("101"), field) == value
    assert [verb[0] for verb in call.done][-1] == "say"


async def test_the_number_is_asked_for_when_none_was_dialled(office: Office) -> None:
    await dial(office, "*72", "102")

    assert office.extensions.of("101").forward_always == "102"


async def test_a_forward_to_oneself_is_refused_in_words(office: Office) -> None:
    call = await dial(office, "*72101")

    assert call.last == ("say", "pbx-invalid")
    assert office.extensions.of("101").forward_always == ""


async def test_what_was_set_is_there_after_a_restart(office: Office) -> None:
    await dial(office, "*72102")

    again = Extensions(office.disk)
    await again.load()

    assert again.of("101").forward_always == "102"


def test_the_longest_code_wins_and_one_without_digits_takes_none() -> None:
    codes = Codes()

    async def nothing(step: Step, digits: str) -> None:
        raise NotImplementedError

    codes.add("*7", nothing, digits=True)
    codes.add("*78", nothing)
    found = {dialled: codes.find(dialled) for dialled in ("*78", "*71", "*781", "78")}

    assert [(hit[0].code, hit[1]) if hit else None for hit in found.values()] == [
        ("*78", ""),
        ("*7", "1"),
        ("*7", "81"),
        None,
    ]
    with pytest.raises(ValueError, match="given twice"):
        codes.add("*78", nothing)


async def test_what_freepbx_keeps_counts_and_what_was_set_here_goes_first(office: Office) -> None:
    on_freepbx(office, x101=Extension(forward_always="102"), x102=Extension(forward_no_answer="103"))

    assert (await office.calls("101")).rung == [("102",), ("103",)]

    await office.extensions.change("101", forward_always="103")
    assert (await office.calls("101")).rung == [("103",)]


async def test_do_not_disturb_of_freepbx_without_its_device_state(office: Office) -> None:
    assert (await on_freepbx(office, x101=Extension(do_not_disturb=True)).calls("101")).rung == []


@pytest.mark.parametrize(
    ("configured", "freepbx", "chosen", "rung"),
    [
        (True, True, None, [("101",)]),
        (True, False, None, []),  # he switched it off at FreePBX
        (False, True, None, []),  # FreePBX switches it on for everybody
        (False, True, True, [("101",)]),
        (True, True, False, []),
    ],
)
async def test_call_waiting_by_configuration_freepbx_and_choice(
    configured: bool, freepbx: bool, chosen: bool | None, rung: list[tuple[str, ...]]
) -> None:
    office = on_freepbx(Office(x101="busy"), call_waiting=configured, x101=Extension(call_waiting=freepbx))
    await office.extensions.change("101", call_waiting=chosen)

    assert (await office.calls("101")).rung == rung


async def test_an_assistant_reaches_the_one_who_forwards_to_her(office: Office) -> None:
    await office.extensions.change("101", forward_always="102")
    call = FakeCall("102", direction=Direction.INTERNAL, dialled="101")

    step = Step(call, office.context)
    await step.reach(step.target("101"), seconds=20)

    assert call.rung == [("101",)]
