"""A program moves calls over the API, and sets extensions."""

import pytest
from http_fakes import TOKEN, dependencies

from stasis_app.calls.moves.supervision import Mode
from stasis_app.http import NoSuchCallError, NotAllowedError, NotPossibleError, UnavailableError, create_http

CHIEF = "a-token-of-the-chief"


ORDERS = [
    ("PATCH", "participants/101", {"held": True}, 204, ("change", "1.1", "101", True, None)),
    ("PATCH", "participants/101", {"muted": False}, 204, ("change", "1.1", "101", None, False)),
    ("DELETE", "participants/leg-7", None, 204, ("dismiss", "1.1", "leg-7")),
    ("POST", "participants/101/dtmf", {"digits": "12#"}, 204, ("send_dtmf", "1.1", "101", "12#")),
    ("POST", "pickup", {"extension": "103"}, 202, ("pick_up", "1.1", "103")),
    ("POST", "supervise", {"extension": "109"}, 202, ("supervise", "1.1", "109", Mode.LISTEN)),
    ("POST", "supervise", {"extension": "109", "mode": "barge"}, 202, ("supervise", "1.1", "109", Mode.BARGE)),
    ("DELETE", "supervise/109", None, 204, ("stop_supervising", "1.1", "109")),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "order"), ORDERS)
async def test_orders_reach_the_call(world, api, method, path, body, status, order):
    answer = await api.request(method, f"/api/v1/calls/1.1/{path}", json=body)

    assert answer.status == status, await answer.text()
    assert world.moves.ordered == [order]


async def test_somebody_is_added_and_his_leg_named(world, api):
    answer = await api.post("/api/v1/calls/1.1/participants", json={"to": "+7 (916) 123-45-67"})

    assert (answer.status, await answer.json()) == (202, {"participant": "leg-7"})
    assert world.moves.ordered == [("invite", "1.1", "+79161234567")]


async def test_a_call_is_parked_and_its_slot_told(world, api):
    answer = await api.post("/api/v1/calls/1.1/park", json={"participant": "101"})

    assert await answer.json() == {"slot": "701", "until": "2026-03-10T12:01:00Z"}


@pytest.mark.parametrize(
    ("refused", "status", "detail"),
    [
        (NoSuchCallError("1.1"), 404, "There is no call '1.1'"),
        (NotPossibleError("'109' takes no part in the call"), 409, "takes no part"),
        (NotAllowedError("extension 109 is not among [phones] supervisors"), 403, "[phones] supervisors"),
        (UnavailableError("Asterisk is out of reach"), 503, "out of reach"),
    ],
)
async def test_a_refusal_says_why(world, api, refused, status, detail):
    world.moves.refused = refused

    answer = await api.post("/api/v1/calls/1.1/supervise", json={"extension": "109"})

    assert answer.status == status
    assert detail in (await answer.json())["detail"]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("participants", {"to": "101&PJSIP/trunk"}, "body.to"),
        ("supervise", {"extension": "109", "mode": "spy"}, "body.mode"),
        ("supervise", {"extension": "Anna"}, "body.extension"),
        ("park", {"participant": "101", "slot": "seven"}, "body.slot"),
        ("participants/101/dtmf", {"digits": "hello"}, "body.digits"),
    ],
)
async def test_what_makes_no_sense_is_named(api, path, body, field):
    answer = await api.post(f"/api/v1/calls/1.1/{path}", json=body)

    assert answer.status == 422
    assert [error["field"] for error in (await answer.json())["errors"]] == [field]


async def test_only_tokens_of_supervisors_let_somebody_listen(world, aiohttp_client):
    api = await aiohttp_client(create_http(dependencies(world, supervisors=(CHIEF,))))
    listening = "/api/v1/calls/1.1/supervise"

    refused = await api.post(listening, json={"extension": "109"}, headers={"Authorization": f"Bearer {TOKEN}"})
    taken = await api.post(listening, json={"extension": "109"}, headers={"Authorization": f"Bearer {CHIEF}"})
    other = await api.get("/api/v1/calls", headers={"Authorization": f"Bearer {CHIEF}"})

    assert (refused.status, taken.status, other.status) == (403, 202, 200)
    assert "http.supervisor_tokens" in (await refused.json())["detail"]


async def test_what_is_set_for_an_extension_counts_at_once(world, api):
    assert (await (await api.get("/api/v1/extensions/101")).json())["do_not_disturb"] is False

    changed = await api.put("/api/v1/extensions/101", json={"do_not_disturb": True, "forward_busy": "102"})

    shown = {"do_not_disturb": True, "forward_busy": "102", "forward_always": "", "call_waiting": None}
    assert shown.items() <= (await changed.json()).items()
    assert world.extensions.of("101").do_not_disturb

    await api.put("/api/v1/extensions/101", json={"forward_busy": ""})
    assert world.extensions.of("101").forward_busy == ""
    assert world.extensions.of("101").do_not_disturb


@pytest.mark.parametrize("to", ["101", "x"])
async def test_a_forward_that_leads_nowhere_is_refused(api, to):
    answer = await api.put("/api/v1/extensions/101", json={"forward_always": to})

    assert answer.status == 422
    assert (await answer.json())["errors"][0]["field"] == "body.forward_always"


async def test_what_is_no_extension_is_not_found(api):
    assert (await api.get("/api/v1/extensions/Anna")).status == 404
