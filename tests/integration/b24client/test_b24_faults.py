"""Trouble of every kind as the client meets it, by name, by chance and by the clock; a portal that moves house."""

from __future__ import annotations

import re
import time
import tomllib
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from b24_office import Office, Opens

from b24client import (
    AccessDenied,
    B24Error,
    BadReply,
    CallType,
    FinishCall,
    LimitExceeded,
    PostedEvent,
    RegisterCall,
    Temporary,
    UnknownOutcome,
)
from b24client.sandbox import SAMPLE_SEED, SandboxConfig
from b24client.sandbox.faults import PRESETS, Fault, Faults, ScheduledFault

CALL = RegisterCall(user_id=11, phone_number="+79161234567", type=CallType.INCOMING, external_call_id="pbx-1")
REGISTER = "telephony.externalCall.register"


@pytest.mark.parametrize(
    ("preset", "question", "registration", "acted"),
    [
        ("refuse", Temporary, UnknownOutcome, False),
        ("reset", Temporary, UnknownOutcome, False),
        ("timeout", Temporary, UnknownOutcome, False),
        ("500", Temporary, UnknownOutcome, False),
        ("502", Temporary, UnknownOutcome, False),
        ("504", Temporary, UnknownOutcome, False),
        ("internal", Temporary, UnknownOutcome, False),
        ("503", LimitExceeded, LimitExceeded, False),
        ("overload", LimitExceeded, LimitExceeded, False),
        ("lost-reply", Temporary, UnknownOutcome, True),
        ("truncated", BadReply, UnknownOutcome, True),
        ("garbage", BadReply, UnknownOutcome, True),
        ("late-internal", Temporary, UnknownOutcome, True),
    ],
)
async def test_what_the_client_makes_of_it(
    office: Office, preset: str, question: type[B24Error], registration: type[B24Error], acted: bool
) -> None:
    portal = await office.installed()
    office.sandbox.faults.add(ScheduledFault.model_validate({"preset": preset, "seconds": 0.01}))
    with pytest.raises(question) as asked:
        await portal.profile()
    assert type(asked.value) is question
    with pytest.raises(registration) as ordered:
        await portal.telephony.register(CALL)
    assert type(ordered.value) is registration
    assert bool(office.sandbox.calls.calls) == acted
    office.sandbox.faults.clear()
    assert (await portal.profile()).id == 1


async def test_a_blocked_method_is_told_as_a_limit(office: Office) -> None:
    portal = await office.installed()
    office.sandbox.faults.add(ScheduledFault.model_validate({"preset": "429", "methods": ["user.*"]}))
    with pytest.raises(LimitExceeded) as refused:
        await portal.users.current()
    assert refused.value.code == "OPERATION_TIME_LIMIT"
    assert (await portal.profile()).id == 1


async def test_a_token_called_expired_is_renewed_once(office: Office) -> None:
    portal = await office.installed()
    office.sandbox.faults.add(ScheduledFault.model_validate({"preset": "expired", "times": 1}))
    assert (await portal.profile()).id == 1
    assert office.requests("oauth.token") == 1
    hook = await office.by_webhook()
    office.sandbox.faults.add(ScheduledFault.model_validate({"preset": "expired"}))
    assert (await hook.profile()).id == 1  # a webhook has no token to expire


def test_every_preset_is_a_fault() -> None:
    for name in PRESETS:
        assert ScheduledFault.model_validate({"preset": name}).kind


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"preset": "flood"}, "no preset 'flood'"),
        ({"kind": "reset", "every": 10}, "for_s"),
        ({"kind": "reset", "every": 10, "for_s": 20}, "for_s"),
        ({"kind": "reset", "chance": 0}, "chance"),
        ({"kind": "reset", "at": -1}, "at"),
        ([], "dict"),
    ],
)
def test_orders_that_make_no_sense(wrong: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        ScheduledFault.model_validate(wrong)


class Clock:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    monkeypatch.setattr("b24client.sandbox.faults.time.monotonic", moved)
    return moved


def on(faults: Faults, clock: Clock, seconds: range) -> list[int]:
    """The seconds in which a request is hit."""
    start, hit = clock.now, []
    for second in seconds:
        clock.now = start + second
        if faults.hit(["profile"]):
            hit.append(second)
    return hit


def test_trouble_by_the_clock(clock: Clock) -> None:
    once = Faults([ScheduledFault(kind="reset", at=3, for_s=2)])
    assert on(once, clock, range(10)) == [3, 4]
    again = Faults([ScheduledFault(kind="reset", at=2, for_s=1, every=4)])
    assert on(again, clock, range(12)) == [2, 6, 10]
    told = Faults([ScheduledFault(kind="reset", at=60, for_s=1, every=4)]).told()
    assert (told[0]["on"], told[0]["in_s"], told[0]["every"]) == (False, 60, 4)


def test_trouble_that_has_had_its_time_is_gone(clock: Clock) -> None:
    faults = Faults([ScheduledFault(kind="reset", for_s=5)])
    faults.add(Fault(kind="delay", times=1))
    assert [fault.kind for fault in faults.hit(["profile"])] == ["reset", "delay"]
    clock.now += 6
    assert (faults.active(), faults.told()) == ([], [])


def test_trouble_by_chance_is_repeatable() -> None:
    def hits() -> list[bool]:
        faults = Faults()
        faults.add(Fault(kind="reset", chance=0.3, seed=5))
        return [bool(faults.hit(["profile"])) for _ in range(200)]

    first = hits()
    assert first == hits()
    assert 30 < sum(first) < 90


def test_a_batch_is_hit_by_the_names_of_its_commands() -> None:
    faults = Faults()
    faults.add(Fault(kind="reset", methods=["telephony.*"]))
    assert faults.hit(["batch", "telephony.externalcall.show"])
    assert not faults.hit(["batch", "user.get"])


async def test_a_renamed_portal_is_followed(office: Office, http: aiohttp.ClientSession) -> None:
    moved: list[str] = []
    portal = await office.installed(on_moved=moved.append)
    old, new = office.url, office.url.replace("127.0.0.1", "localhost")
    async with http.post(f"{office.url}/sandbox/api/rename", json={"to": f"{new}/"}) as answer:
        assert await answer.json() == {"to": new}
    call = await portal.telephony.register(CALL)
    assert call.call_id in office.sandbox.calls.calls
    assert moved == [new]
    assert portal.auth.base == new
    async with http.post(f"{old}/rest/profile", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, f"{new}/rest/profile")
    office.sandbox.access.expire_all()
    assert (await portal.profile()).id == 1  # the OAuth server is where it was
    async with http.post(f"{office.url}/sandbox/api/rename", json={"to": "nonsense"}) as answer:
        assert answer.status == 400
    async with http.post(f"{office.url}/sandbox/api/rename", json={"to": ""}):
        pass
    async with http.post(f"{old}/rest/profile", allow_redirects=False) as answer:
        assert answer.status == 401


# Switches


@pytest.mark.parametrize(
    ("switch", "value", "method", "status", "code"),
    [
        ("scope_status", 401, "user.get", 401, "insufficient_scope"),
        ("scope_status", 403, "user.get", 403, "insufficient_scope"),
        ("method_not_found_status", 400, "no.such", 400, "ERROR_METHOD_NOT_FOUND"),
        ("portal_deleted", True, "profile", 500, "PORTAL_DELETED"),
    ],
)
async def test_statuses_sources_disagree_about(
    open_office: Opens, switch: str, value: Any, method: str, status: int, code: str
) -> None:
    def thrown(config: SandboxConfig) -> None:
        setattr(config.switches, switch, value)
        config.webhook.scope = ["crm"]

    portal = await (await open_office(thrown)).by_webhook()
    with pytest.raises(AccessDenied) as refused:
        await portal.call(method)
    assert (refused.value.status, refused.value.code) == (status, code)


async def test_switches_are_thrown_while_the_portal_runs(office: Office, http: aiohttp.ClientSession) -> None:
    address = f"{office.url}/sandbox/api/switches"
    async with http.patch(address, json={"event_auth": "fuzz", "portal_deleted": True}) as answer:
        told = await answer.json()
    assert (told["event_auth"], told["portal_deleted"]) == ("fuzz", True)
    assert office.sandbox.config.switches.portal_deleted
    for wrong, complaint in (({"event_auth": "odd"}, "event_auth"), ({"lights": "on"}, "lights"), ([], "items")):
        async with http.patch(address, json=wrong) as answer:
            assert answer.status == 400
            assert complaint in await answer.text()


async def test_a_finished_call_may_still_be_the_same(open_office: Opens) -> None:
    for stops in (True, False):
        office = await open_office(
            lambda config, stops=stops: setattr(config.switches, "dedup_stops_at_finish", stops)  # type: ignore[misc]
        )
        portal = await office.installed()
        first = await portal.telephony.register(CALL)
        await portal.telephony.finish(FinishCall(call_id=first.call_id, user_id=11, status_code="304"))
        again = await portal.telephony.register(CALL)
        assert (again.call_id == first.call_id) == (not stops)


async def test_the_oauth_servers_refusals(open_office: Opens, http: aiohttp.ClientSession) -> None:
    office = await open_office()
    fields = {"client_id": "local.sandbox", "client_secret": "sandboxappsecret", "grant_type": "refresh_token"}

    async def ask(**changes: str) -> tuple[int, str]:
        async with http.post(f"{office.url}/oauth/token/", data={**fields, **changes}) as answer:
            return answer.status, (await answer.json()).get("error", "")

    switches = office.sandbox.config.switches
    assert await ask(client_id="x") == (400, "invalid_client")
    switches.invalid_client_status = 401
    assert await ask(client_id="x") == (401, "invalid_client")
    switches.wrong_client_ok = True
    assert await ask(client_id="x") == (200, "wrong_client")
    assert await ask(refresh_token="x") == (400, "invalid_grant")
    assert await ask(grant_type="x") == (400, "invalid_request")
    for code, status in (("PAYMENT_REQUIRED", 401), ("NOT_INSTALLED", 401), ("invalid_scope", 400)):
        office.sandbox.config.switches = switches.changed("oauth_refusal", code)
        assert await ask() == (status, code)


@pytest.mark.parametrize(
    ("switch", "value"), [("wrong_client_ok", True), ("invalid_client_status", 401), ("oauth_refusal", "NOT_INSTALLED")]
)
async def test_a_refused_renewal_tells_what_to_do(open_office: Opens, switch: str, value: Any) -> None:
    office = await open_office(lambda config: setattr(config.switches, switch, value))
    portal = await office.installed()
    office.sandbox.config.app.client_secret = "another"
    office.sandbox.access.expire_all()
    with pytest.raises(AccessDenied, match="remedy"):
        await portal.profile()


async def test_a_code_is_good_for_half_a_minute_and_once(
    office: Office, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = {"client_id": "local.sandbox", "client_secret": "sandboxappsecret", "grant_type": "authorization_code"}

    async def trade(code: str) -> int:
        async with http.post(f"{office.url}/oauth/token/", data={**fields, "code": code}) as answer:
            return answer.status

    access = office.sandbox.access
    code = access.new_code(1)
    assert [await trade(code), await trade(code)] == [200, 400]
    late = access.new_code(1)
    now = time.time()
    monkeypatch.setattr("b24client.sandbox.access.time.time", lambda: now + 31)
    assert await trade(late) == 400


async def test_old_ways_of_writing_the_same(office: Office, http: aiohttp.ClientSession) -> None:
    portal = await office.installed()
    click = {"user_id": 12, "phone_number": "+74951234500", "is_mobile": True}
    styles: list[str] = []

    async def take(request: web.Request) -> web.Response:
        styles.append(PostedEvent.from_form(await request.read()).data["IS_MOBILE"])
        return web.Response()

    app = web.Application()
    app.router.add_post("/", take)
    async with TestServer(app) as server:
        await portal.events.bind("ONEXTERNALCALLSTART", str(server.make_url("/")))
        for style in ("digit", "letter"):
            office.sandbox.config.switches = office.sandbox.config.switches.changed("mobile_style", style)
            async with http.post(f"{office.url}/sandbox/api/call_start", json=click) as answer:
                assert (await answer.json())["deliveries"][0]["status"] == 200
    assert styles == ["1", "Y"]
    posted = []
    for told in ({}, {"ADD_TO_CHAT": 1}):
        office.sandbox.config.switches.add_to_chat_default = 0
        call = await portal.telephony.register(CALL)
        params = {"CALL_ID": call.call_id, "USER_ID": 11, "STATUS_CODE": "304", **told}
        await portal.call("telephony.externalCall.finish", params)
        finish = office.sandbox.calls.calls[call.call_id].finish
        assert finish is not None
        posted.append(finish.add_to_chat)
    assert posted == [False, True]


def test_what_the_sample_seed_only_hints_at_is_right() -> None:
    text = SAMPLE_SEED.read_text(encoding="utf-8")
    hints = re.sub(r"^# (?=\[|\w+ = )", "", text, flags=re.MULTILINE)
    config = SandboxConfig.model_validate(tomllib.loads(hints))
    assert config.app.handler
    assert config.events.twice == 0.1
    assert config.faults[0].status == 502
    assert config.switches.event_auth == "fuzz"
