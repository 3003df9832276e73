"""`b24-sandbox` as a person uses it: looking, making trouble, and the audit."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from b24_office import Office
from b24_office import talk as record
from typer.testing import CliRunner

from b24client import FinishCall, Portal, Refused, RegisterCall
from b24client.sandbox.audit import BURST, INVARIANTS, audit
from b24client.sandbox.cli import cli
from b24client.sandbox.config import Switches
from b24client.sandbox.faults import PRESETS


async def command(*words: str) -> tuple[int, str]:
    """Exit code and output of a command; its output is as wide as it likes."""
    environment = {"COLUMNS": "220", "TERM": "dumb", "NO_COLOR": "1"}
    result = await asyncio.to_thread(CliRunner().invoke, cli, words, env=environment)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


class Console:
    """Commands to one sandbox."""

    def __init__(self, office: Office) -> None:
        self.office = office

    async def __call__(self, *words: str) -> str:
        code, out = await command(*words, "--url", self.office.url)
        assert code == 0, out
        return out

    async def json(self, *words: str) -> Any:
        return orjson.loads(await self(*words, "--json"))


@pytest.fixture
def console(office: Office) -> Console:
    return Console(office)


@pytest.fixture
async def portal(office: Office) -> Portal:
    return await office.installed()


async def ring(portal: Portal, external: str = "", number: str = "+79161234567") -> str:
    call = RegisterCall(user_id=11, phone_number=number, type=2, external_call_id=external)
    return (await portal.telephony.register(call)).call_id


async def hang_up(portal: Portal, call_id: str) -> None:
    await portal.telephony.finish(FinishCall(call_id=call_id, user_id=11, duration=7, status_code="200"))


async def test_the_help_tells_all_of_it() -> None:
    for words, told in (
        (("--help",), ("Examples", "run", "audit", "requests", "calls", "status", "fault", "rename", "events")),
        (("run", "--help"), ("--state", "--journal", "--faults", "Keeping", *Switches.model_fields)),
        (("fault", "--help"), ("--for", "--chance", "--every", *PRESETS)),
        (("audit", "--help"), ("Exit code", "--since", *INVARIANTS)),
    ):
        code, out = await command(*words)
        plain = re.sub(r"[\s│]+", " ", out)
        assert code == 0
        for word in told:
            assert word in plain


async def test_looking_around(portal: Portal, console: Console) -> None:
    done, still = await ring(portal, "pbx-1"), await ring(portal, "pbx-2", "+79995550100")
    await hang_up(portal, done)
    with pytest.raises(Refused):
        await hang_up(portal, done)
    status = await console("status")
    assert "4, 0 more commands in batches" in status
    assert "ERROR_CORE 1" in status
    assert (await console.json("status"))["calls"] == 2

    assert [call["call_id"] for call in await console.json("calls")] == [done, still]
    assert [call["call_id"] for call in await console.json("calls", "--open")] == [still]
    assert [call["call_id"] for call in await console.json("calls", "--call", "pbx-1")] == [done]
    shown = await console("calls")
    assert "Ivan Ivanov" in shown
    assert "200 7 s user 11" in shown

    assert len(await console.json("requests", "--method", "telephony.externalcall.finish")) == 2
    (refused,) = await console.json("requests", "--errors")
    assert (refused["call_id"], refused["status"]) == (done, 400)
    assert len(await console.json("requests", "--call", done)) == 3
    assert await console.json("requests", "--since", str(time.time() + 60)) == []
    assert len(await console.json("requests", "--since", "10m", "--limit", "2")) == 2
    assert "Call is not found" in await console("requests", "--errors")


async def test_trouble_by_name(office: Office, portal: Portal, console: Console) -> None:
    assert "no trouble" in await console("faults")
    assert "502 is on" in await console("fault", "502", "--for", "60", "--methods", "user.*", "--methods", "profile")
    assert "begins in 30 s" in await console("fault", "reset", "--at", "30", "--for", "5", "--every", "10")
    told = await console("faults")
    assert "502 INTERNAL_SERVER_ERROR" in told
    assert "user.*, profile" in told
    assert [fault["kind"] for fault in await console.json("faults")] == ["error", "reset"]
    with pytest.raises(Exception, match="Bad Gateway"):
        await portal.profile()
    assert await portal.call("server.time")
    await console("clear")
    assert (await portal.profile()).id == 1


async def test_a_callback_form_is_told_to_whoever_asked_for_it(office: Office, console: Console) -> None:
    assert "no application has bound" in await console("callback", "+79161234567")


async def test_switches_events_and_names(office: Office, console: Console) -> None:
    await console("switch", "event_auth=bare", "portal_deleted_status=410")
    assert office.sandbox.config.switches.event_auth == "bare"
    assert office.sandbox.config.switches.portal_deleted_status == 410
    assert "twice=0.5" in await console("events", "twice=0.5", "seed=4")
    assert (await console.json("events"))["delivery"]["twice"] == 0.5
    await console("rename", office.url.replace("127.0.0.1", "localhost"))
    assert office.sandbox.access.renamed_to.startswith("http://localhost:")
    assert "where it was" in await console("rename")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("fault", "flood"), "there are refuse, reset"),
        (("fault", "reset", "--every", "5"), "for_s"),
        (("switch", "event_auth"), "expected NAME=VALUE"),
        (("switch", "event_auth=odd"), "event_auth"),
        (("events", "twice=7"), "twice"),
        (("audit", "--invariant", "ugly"), "registered twice"),
        (("requests", "--since", "yesterday"), "expected such as 90s"),
        (("rename", "nowhere"), "to:"),
        (("status", "--url", "http://127.0.0.1:9"), "no sandbox answers"),
        (("run", "--seed", "/nonexistent.toml"), "nonexistent"),
        (("run", "--switch", "lights=on"), "lights"),
        (("run", "--event", "twice"), "expected NAME=VALUE"),
        (("run", "--state", "/dev/null/x"), "/dev/null"),
    ],
)
async def test_orders_that_make_no_sense(office: Office, words: tuple[str, ...], complaint: str) -> None:
    address = () if words[0] == "run" or "--url" in words else ("--url", office.url)
    code, out = await command(*words, *address)
    assert code == 2
    assert complaint in re.sub(r"[\s│]+", " ", out)


async def test_a_portal_from_the_command_line_keeps_what_it_is_told(tmp_path: Path, unused_tcp_port: int) -> None:
    (tmp_path / "faults.toml").write_text('[[faults]]\npreset = "internal"\nmethods = ["user.get"]\n')
    words = [
        "run", "--port", str(unused_tcp_port), "--state", str(tmp_path / "state"), "--faults",
        str(tmp_path / "faults.toml"), "--journal", str(tmp_path / "all.jsonl"), "--switch", "mobile_style=letter",
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-u", "-m", "b24client.sandbox.cli", *words, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            assert b"/sandbox/" in await process.stdout.readline()
        hook = f"http://127.0.0.1:{unused_tcp_port}/rest/1/sandboxsecret"
        async with aiohttp.ClientSession() as http, asyncio.timeout(30):
            while True:
                try:
                    async with http.post(f"{hook}/profile") as answer:
                        assert answer.status == 200
                        break
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.05)
            async with http.post(f"{hook}/user.get") as answer:
                assert answer.status == 500
    finally:
        process.terminate()
        await process.communicate()
    assert (tmp_path / "all.jsonl").read_bytes().count(b"\n") == 2
    kept = orjson.loads((tmp_path / "state" / "state.json").read_bytes())
    assert kept["stores"]["journal"]["requests"] == 2


# The audit


def found(office: Office, since: float = 0.0) -> list[str]:
    return sorted(finding["invariant"] for finding in audit(office.sandbox, since))


async def test_a_call_as_it_should_be_leaves_nothing(office: Office, portal: Portal, tmp_path: Path) -> None:
    call_id = await ring(portal, "pbx-1")
    await portal.telephony.show(call_id, [11, 12])
    await hang_up(portal, call_id)
    talk = tmp_path / "talk.wav"
    record(talk, 0.2)
    await portal.telephony.attach_record(call_id, "talk.wav", talk)
    assert found(office) == []


async def test_one_talk_registered_as_two(office: Office, portal: Portal) -> None:
    first = await ring(portal, "pbx-1")
    second = await ring(portal)  # without an id of its own, while the first is on
    await hang_up(portal, first)
    await hang_up(portal, second)
    assert found(office) == ["registered twice"]


async def test_two_talks_of_one_number_are_two(office: Office, portal: Portal) -> None:
    for external in ("pbx-1", "pbx-2"):
        await hang_up(portal, await ring(portal, external))
    both = [await ring(portal, external) for external in ("pbx-3", "pbx-4")]  # a company with two people calling
    for call_id in both:
        await hang_up(portal, call_id)
    await hang_up(portal, await ring(portal))
    await hang_up(portal, await ring(portal))
    assert found(office) == []


async def test_recordings_that_came_twice_or_too_early(office: Office, portal: Portal, tmp_path: Path) -> None:
    talk = tmp_path / "talk.wav"
    record(talk, 0.2)
    call_id = await ring(portal, "pbx-1")
    with pytest.raises(Refused):
        await portal.telephony.attach_record(call_id, "talk.wav", talk)
    await hang_up(portal, call_id)
    for _ in range(2):  # the same audio again does no harm: the first answer may have been lost
        await portal.telephony.attach_record(call_id, "talk.wav", talk)
    assert "recording twice" not in found(office)
    record(talk, 0.3)
    await portal.telephony.attach_record(call_id, "talk.wav", talk)
    assert found(office) == ["recording too early", "recording twice", "rejected request"]


async def test_the_same_question_again_and_again(office: Office, portal: Portal) -> None:
    for _ in range(BURST - 1):
        await portal.telephony.search_crm_entities("+79161234567")
    for number in range(BURST):
        await portal.telephony.search_crm_entities(f"+7916123456{number}")
    assert found(office) == []
    await portal.telephony.search_crm_entities("+79161234567")
    assert found(office) == ["lookup burst"]


async def test_trouble_on_purpose_is_nobodys_fault(office: Office, portal: Portal) -> None:
    office.trouble(kind="error", status=503, code="QUERY_LIMIT_EXCEEDED", times=1)
    with pytest.raises(Exception, match="Internal"):
        await portal.profile()
    office.sandbox.access.expire_all()
    await portal.profile()
    assert found(office) == []


async def test_the_audit_can_be_narrowed(office: Office, portal: Portal, console: Console) -> None:
    await ring(portal, "pbx-1")
    with pytest.raises(Refused):
        await hang_up(portal, "externalCall.gone.1")
    code, out = await command("audit", "--url", office.url)
    assert code == 1
    assert "not finished" in out
    code, out = await command("audit", "--url", office.url, "--json", "--invariant", "rejected request")
    assert (code, [finding["invariant"] for finding in orjson.loads(out)]) == (1, ["rejected request"])
    assert "nothing to complain about" in await console("audit", "--since", str(time.time() + 60))
    assert found(office, time.time() + 60) == []
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{office.url}/sandbox/api/audit", params={"since": "x"}) as answer,
    ):
        assert answer.status == 400
