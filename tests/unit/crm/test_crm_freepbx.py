"""What FreePBX keeps of an extension, as the dialplan tells it."""

from __future__ import annotations

import asyncio

import pytest

from stasis_app.ari.errors import LinkDown
from stasis_app.crm import Extension, FreePbx
from stasis_app.crm.freepbx import CONTEXT, VARIABLE


class Pbx:
    """AstDB behind a dialplan that answers after a few looks; `silent` one never does."""

    def __init__(self, **kept: str) -> None:
        self.kept = {extension.removeprefix("x"): told for extension, told in kept.items()}
        self.globals: dict[str, str] = {}
        self.asked: list[str] = []
        self.silent = False
        self.looks = 0

    async def run(self, exten: str, context: str, variables: dict[str, str]) -> None:
        assert context == CONTEXT
        self.asked.append(exten)
        if not self.silent:
            asyncio.get_running_loop().call_later(0.004, self._tell, exten, variables["B24_ASKED"])

    def _tell(self, exten: str, question: str) -> None:
        self.globals[f"{VARIABLE}{exten}"] = f"{question}|{self.kept.get(exten, '||||')}"

    async def global_variable(self, name: str) -> str:
        self.looks += 1
        return self.globals.get(name, "")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_all_that_freepbx_keeps_is_read() -> None:
    pbx = Pbx(x101="102|103|89161234567|YES|ENABLED")

    assert await FreePbx(pbx).of("101") == Extension(
        do_not_disturb=True,
        call_waiting=True,
        forward_always="102",
        forward_busy="103",
        forward_no_answer="89161234567",
    )
    assert await FreePbx(pbx).of("102") == Extension(call_waiting=False)


async def test_an_answer_to_an_earlier_question_is_no_answer() -> None:
    pbx = Pbx(x101="102||||")
    pbx.globals[f"{VARIABLE}101"] = "0badcafe|104||||"

    assert (await FreePbx(pbx).of("101")).forward_always == "102"


async def test_one_question_serves_all_who_ask_in_the_same_moment() -> None:
    clock, pbx = Clock(), Pbx(x101="102||||")
    kept = FreePbx(pbx, clock)

    await asyncio.gather(*(kept.of("101") for _ in range(5)))
    await kept.of("101")
    assert pbx.asked == ["101"]

    pbx.kept["101"] = "||||"
    clock.now += 2
    assert (await kept.of("101")).forward_always == ""


@pytest.mark.parametrize("told", ["101||||", "voicemail||||", "*98||||", "1||||"])
async def test_what_is_no_number_and_oneself_is_no_forward(told: str) -> None:
    assert (await FreePbx(Pbx(x101=told)).of("101")).forward_always == ""


async def test_a_dialplan_that_does_not_answer_keeps_one_caller_waiting_and_not_the_next() -> None:
    clock, pbx = Clock(), Pbx(x101="102||||")
    pbx.silent = True
    kept = FreePbx(pbx, clock)

    assert await kept.of("101") == Extension()
    assert await kept.of("101") == Extension()
    assert pbx.asked == ["101"]
    assert kept.troubles.counts == {f"context {CONTEXT} does not answer": 1}

    pbx.silent, clock.now = False, clock.now + 11
    assert (await kept.of("101")).forward_always == "102"


async def test_no_link_is_no_error() -> None:
    pbx = Pbx()

    async def down(*_: object) -> None:
        raise LinkDown("POST channels", "the link is down")

    pbx.run = down  # type: ignore[method-assign]

    assert await FreePbx(pbx).of("101") == Extension()


async def test_only_extensions_are_asked_for() -> None:
    pbx = Pbx()

    await FreePbx(pbx).of("101@evil,1")

    assert pbx.asked == []
