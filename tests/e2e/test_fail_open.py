"""The dialplan a user installs, on a real Asterisk, with no service there: calls go on by themselves."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from lab.asterisk import Asterisk, PhoneAccount
from lab.media import CHUNK_SECONDS
from lab.phones import CUSTOMER_TONE, EMPLOYEE_TONE, Caller, Carrier, Manner, Office

ANNA, BORIS, VERA = (PhoneAccount(extension, f"pw{extension}") for extension in ("101", "102", "103"))
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("phones")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pbx() -> AsyncIterator[Asterisk]:
    async with Asterisk([ANNA, BORIS, VERA]) as running:
        yield running


async def test_asterisk_reads_the_files_without_complaint(pbx: Asterisk):
    dialplan = await pbx.cli("dialplan show stasis-inbound-after")

    assert "stasis-fallback-inbound" in dialplan
    assert [line for line in pbx.complaints().splitlines() if "extensions" in line or "pjsip.conf" in line] == []


async def test_reception_rings_and_the_first_who_answers_talks(pbx: Asterisk, folder: Path):
    phones = [Manner("101", ring_s=None), Manner("102", ring_s=0.5), Manner("103", ring_s=0, refusal=486)]
    async with Office(pbx, folder, phones=phones) as reception:
        customer = Caller(pbx, folder, number="74951112233", from_number="79161234567", talk_s=2 * CHUNK_SECONDS + 0.5)
        call = await customer.call()
        boris = await reception.until("ended_at")

    assert call.answered_at
    assert boris.number == "102"
    assert customer.heard(call, EMPLOYEE_TONE)
    assert reception.heard(boris, CUSTOMER_TONE)
    assert all(d.cancelled_at for d in reception.calls_of("101"))


async def test_a_caller_is_told_that_everybody_is_busy(pbx: Asterisk, folder: Path):
    phones = [Manner(extension, ring_s=0, refusal=486) for extension in ("101", "102", "103")]
    async with Office(pbx, folder, phones=phones):
        call = await Caller(pbx, folder, number="74951112233", from_number="79161234567").call()

    assert call.refused_with == 486


async def test_an_employee_reaches_the_outside_and_another_phone(pbx: Asterisk, folder: Path):
    outside = [Manner("89161112233", ring_s=0.5)]
    async with Office(pbx, folder, phones=[Manner("102", ring_s=0.5)]), Carrier(pbx, folder, numbers=outside):
        out, inside = await asyncio.gather(
            Caller(pbx, folder, number="89161112233", account=ANNA, talk_s=1.0).call(),
            Caller(pbx, folder, number="102", account=VERA, talk_s=1.0).call(),
        )

    assert out.answered_at
    assert out.hung_up_here
    assert inside.answered_at


@pytest.mark.parametrize("did", ["74951112233,x&PJSIP/103", "trunklogin"])
async def test_a_strange_number_rings_reception_like_any_other(pbx: Asterisk, folder: Path, did: str):
    async with Office(pbx, folder, phones=[Manner("101", ring_s=0.3)]):
        call = await Caller(pbx, folder, number=did, from_number="79161234567", talk_s=0.5).call()

    assert call.answered_at
