"""What a plan says about recording, and the element that takes messages."""

from pathlib import Path

import pytest
from flow_fakes import IVANOV, NUMBERS, Company, FakeCall, plan_of

from stasis_app.calls.facts import RecordingMode
from stasis_app.calls.policy import ConsentWhen, RecordingPolicy
from stasis_app.flow import PlanError, load_plan, run_plan
from stasis_app.flow.explain import explain

CONFIGURED = RecordingPolicy(RecordingMode.CALL, consent=("recorded",))

VOICEMAIL = """
[elements.main]
type = "voicemail"
prompts = ["leave-a-message"]
seconds = 60
silence = 3
least = 2
next = "thanks"
on_empty = "bye"
[elements.thanks]
type = "say"
prompts = ["thanks"]
next = "bye"
"""


def plan(tmp_path: Path, text: str):
    path = tmp_path / "plan.toml"
    path.write_text(text)
    return load_plan(path, NUMBERS)


def test_a_line_goes_before_the_plan_and_the_plan_before_the_configuration(tmp_path: Path) -> None:
    loaded = plan(
        tmp_path,
        """
        [plan]
        default = "bye"
        record = "talk"
        [lines."+74951230000"]
        element = "bye"
        stereo = true
        consent = []
        [lines."+74951230001"]
        element = "bye"
        record = "off"
        consent_when = "connected"
        [elements.bye]
        type = "hangup"
        """,
    )

    def on(line: str) -> RecordingPolicy:
        return loaded.recording_of(FakeCall(line=line).record, NUMBERS, CONFIGURED)

    assert on("") == RecordingPolicy(RecordingMode.TALK, consent=("recorded",))
    assert on("74951230000") == RecordingPolicy(RecordingMode.TALK, stereo=True)
    assert on("74951230001") == RecordingPolicy(
        RecordingMode.OFF, consent=("recorded",), consent_when=ConsentWhen.CONNECTED
    )


def test_a_plan_that_says_nothing_leaves_it_as_configured(tmp_path: Path) -> None:
    loaded = plan_of(tmp_path, VOICEMAIL)

    assert loaded.recording_of(FakeCall().record, NUMBERS, CONFIGURED) == CONFIGURED


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ('record = "sometimes"', "record"),
        ('consent = ["two words"]', "is no name of a prompt"),
        ("stereo = 2", "stereo"),
    ],
)
def test_what_is_wrong_about_recording_is_named(tmp_path: Path, wrong: str, why: str) -> None:
    with pytest.raises(PlanError, match=why):
        plan(tmp_path, f'[plan]\ndefault = "bye"\n{wrong}\n[elements.bye]\ntype = "hangup"')


async def test_an_element_chooses_how_the_call_is_recorded_from_there_on(tmp_path: Path) -> None:
    loaded = plan_of(tmp_path, '[elements.main]\ntype = "say"\nprompts = ["pay"]\nrecord = "off"\nnext = "bye"')
    call = FakeCall()
    await run_plan(loaded, call, Company().context, "main")

    assert call.recording.chosen == [RecordingMode.OFF]


async def test_a_message_is_taken_after_the_greeting_and_the_caller_goes_on(tmp_path: Path) -> None:
    call = FakeCall()
    call.says = 12.0
    await run_plan(plan_of(tmp_path, VOICEMAIL), call, Company().context, "main")

    assert call.done[:3] == [("answer",), ("say", "leave-a-message"), ("take_message", 60, 3, 2)]
    assert call.visited == ["main", "thanks", "bye"]
    assert call.why[1] == "left a message of 12 s"


async def test_a_caller_without_a_message_has_a_way_of_his_own(tmp_path: Path) -> None:
    call = FakeCall()
    await run_plan(plan_of(tmp_path, VOICEMAIL), call, Company().context, "main")

    assert call.visited == ["main", "bye"]
    assert call.why[1] == "left no message"


async def test_nothing_follows_a_message_unless_the_plan_says_so(tmp_path: Path) -> None:
    loaded = plan_of(tmp_path, '[elements.main]\ntype = "voicemail"')
    call = FakeCall()
    call.says = 5.0
    await run_plan(loaded, call, Company().context, "main")

    assert call.visited == ["main"]
    assert call.last == ("hang_up", 16)


async def test_a_caller_who_hangs_up_while_he_speaks_is_no_trouble(tmp_path: Path) -> None:
    call = FakeCall()
    call.says = FakeCall.GONE
    await run_plan(plan_of(tmp_path, VOICEMAIL), call, Company().context, "main")

    assert call.visited == ["main"]


async def test_a_message_is_foretold_with_who_will_hear_it(tmp_path: Path) -> None:
    context = Company().context
    context.phonebook.remember(NUMBERS.read("+79161234567"), IVANOV)
    said = await explain(plan_of(tmp_path, VOICEMAIL), context, "+79161234567", element="main")

    (element, *_) = said.path
    assert element.foretold.does == "plays leave-a-message, beeps and records up to 60 s"
    assert [outcome.then for outcome in element.foretold.outcomes] == ["thanks", "bye", ""]
    assert element.foretold.notes[0].startswith("to be heard by ")
