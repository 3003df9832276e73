"""What the caller hears and what he presses."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from calls_fakes import Exchange
from hypothesis import given
from hypothesis import strategies as st

from stasis_app.calls import facts as f
from stasis_app.calls.call import Call
from stasis_app.calls.prompts import Keys, media_uri


@dataclass
class Reading:
    """A flow that reads once and keeps what was read."""

    prompts: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)

    async def __call__(self, call: Call) -> None:
        self.read.append(await call.read(*self.prompts, **self.options))
        await call.until(lambda: None)


@pytest.fixture
async def pbx() -> Exchange:
    return Exchange()


def heard(pbx: Exchange) -> list[str]:
    return [request[2] for request in pbx.requests("play")]


async def test_prompts_are_played_one_after_another_once_the_caller_is_answered(pbx: Exchange) -> None:
    async def greet(call: Call) -> None:
        await call.say("hello", "we-are-closed")

    pbx.flow = greet
    await pbx.customer_calls()
    assert [request[0] for request in pbx.asked] == ["answer", "play"]
    assert heard(pbx) == ["sound:hello"]

    await pbx.prompt_ends()
    assert heard(pbx) == ["sound:hello", "sound:we-are-closed"]

    await pbx.prompt_ends()
    assert not pbx.channels  # said everything and returned: hung up


async def test_a_caller_who_is_answered_is_not_answered_again(pbx: Exchange) -> None:
    async def greet(call: Call) -> None:
        await call.answer()
        await call.answer()
        await call.say("hello")

    pbx.flow = greet
    await pbx.customer_calls()

    assert pbx.count()["answer"] == 1


async def test_a_prompt_that_can_not_be_played_is_skipped(pbx: Exchange) -> None:
    async def greet(call: Call) -> None:
        await call.say("no-such-file", "hello")

    pbx.flow = greet
    await pbx.customer_calls()

    await pbx.prompt_ends("failed")

    assert heard(pbx) == ["sound:no-such-file", "sound:hello"]
    assert pbx.channels


async def test_the_first_key_stops_the_prompt(pbx: Exchange) -> None:
    pbx.flow = menu = Reading(("welcome", "press-1-or-2"))
    await pbx.customer_calls()
    assert heard(pbx) == ["sound:welcome"]

    await pbx.presses("2")

    assert menu.read == ["2"]
    assert heard(pbx) == ["sound:welcome"]
    assert pbx.count()["stop_playing"] == 1
    assert not pbx.playing


async def test_whoever_knows_the_menu_need_not_hear_it(pbx: Exchange) -> None:
    async def greet_then_ask(call: Call) -> None:
        await call.say("welcome")
        await menu(call)

    menu = Reading(("press-1-or-2",))
    pbx.flow = greet_then_ask
    await pbx.customer_calls()
    await pbx.presses("2")
    assert menu.read == []

    await pbx.prompt_ends()

    assert menu.read == ["2"]
    assert heard(pbx) == ["sound:welcome"]


async def test_keys_beyond_those_asked_for_are_kept_for_the_next_question(pbx: Exchange) -> None:
    first, second = Reading(), Reading(options={"digits": 2})

    async def ask_twice(call: Call) -> None:
        first.read.append(await call.read("language"))
        second.read.append(await call.read("department", digits=2))
        await call.until(lambda: None)

    pbx.flow = ask_twice
    await pbx.customer_calls()
    await pbx.presses("1", "4", "5")

    assert (first.read, second.read) == (["1"], ["45"])
    assert heard(pbx) == ["sound:language"]


async def test_a_terminator_ends_the_number_before_all_digits_are_there(pbx: Exchange) -> None:
    pbx.flow = menu = Reading(("extension",), {"digits": 5})
    await pbx.customer_calls()

    await pbx.presses("1", "0", "2")
    assert menu.read == []
    await pbx.presses("#")

    assert menu.read == ["102"]


async def test_without_a_terminator_every_key_counts(pbx: Exchange) -> None:
    pbx.flow = menu = Reading((), {"digits": 3, "terminator": ""})
    await pbx.customer_calls()

    await pbx.presses("*", "#", "0")

    assert menu.read == ["*#0"]


async def test_silence_is_an_answer_once_its_time_is_up(pbx: Exchange) -> None:
    pbx.flow = menu = Reading(("menu",), {"seconds": 5.0})
    await pbx.customer_calls()
    await pbx.passes(60)
    assert menu.read == []  # the time runs from the end of the prompt

    await pbx.prompt_ends()
    await pbx.passes(4.9)
    assert menu.read == []
    await pbx.passes(0.2)

    assert menu.read == [""]


async def test_a_number_that_is_not_finished_is_taken_as_it_is(pbx: Exchange) -> None:
    pbx.flow = menu = Reading((), {"digits": 4, "seconds": 5.0, "between": 2.0})
    await pbx.customer_calls()
    await pbx.presses("1")
    await pbx.passes(1.9)
    await pbx.presses("0")
    await pbx.passes(1.9)
    assert menu.read == []

    await pbx.passes(0.2)

    assert menu.read == ["10"]


async def test_a_menu_goes_on_though_its_prompt_failed(pbx: Exchange) -> None:
    pbx.flow = menu = Reading(("no-such-file",))
    await pbx.customer_calls()
    await pbx.prompt_ends("failed")

    await pbx.presses("1")

    assert menu.read == ["1"]


async def test_the_end_of_a_prompt_that_was_missed_in_a_gap_holds_nobody_up(pbx: Exchange) -> None:
    pbx.flow = menu = Reading(("menu",))
    await pbx.customer_calls()
    pbx.lose_events()
    await pbx.prompt_ends()

    await pbx.link_is_back()
    await pbx.presses("1")

    assert menu.read == ["1"]


async def test_a_key_stops_the_prompt_though_its_end_is_never_told(pbx: Exchange) -> None:
    pbx.flow = menu = Reading(("menu",))
    await pbx.customer_calls()
    pbx.playing.clear()

    await pbx.presses("1")
    await pbx.passes(1.1)

    assert menu.read == ["1"]


async def test_every_key_is_told(pbx: Exchange) -> None:
    pbx.flow = Reading((), {"digits": 3})
    await pbx.customer_calls()

    await pbx.presses("1", "*", "#")

    assert [fact.digit for fact in pbx.told(f.Pressed)] == ["1", "*", "#"]


@pytest.mark.parametrize(
    ("prompt", "uri"),
    [
        ("hello", "sound:hello"),
        ("custom/hello", "sound:custom/hello"),
        ("sound:hello", "sound:hello"),
        ("recording:greeting", "recording:greeting"),
        ("digits:102", "digits:102"),
        ("number:7", "number:7"),
        ("characters:abc", "characters:abc"),
        ("tone:busy", "tone:busy"),
        ("https://example.com/a.wav", "https://example.com/a.wav"),
        ("SOUND:hello", "SOUND:hello"),
        ("digits", "sound:digits"),
        ("file:/etc/passwd", "sound:file:/etc/passwd"),
    ],
)
def test_prompts_as_media(prompt: str, uri: str) -> None:
    assert media_uri(prompt) == uri


@given(
    pressed=st.text("0123456789*#", max_size=80),
    reads=st.lists(st.tuples(st.integers(1, 6), st.sampled_from("#*"))),
)
def test_no_key_is_read_twice_and_none_is_invented(pressed: str, reads: list[tuple[int, str]]) -> None:
    keys = Keys()
    for key in pressed:
        keys.press(key)

    taken = [keys.take(digits, terminator) for digits, terminator in reads]

    assert all(len(text) <= digits for text, (digits, _) in zip(taken, reads, strict=True))
    rest = iter(pressed)
    assert all(key in rest for text in taken for key in text)  # in order, each at most once
