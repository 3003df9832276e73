"""A program works with calls over the API."""

import pytest
from http_fakes import ANNA, at, call_of, record_of

from stasis_app.calls import facts as f
from stasis_app.calls.facts import Direction
from stasis_app.http import NotPossibleError, OutboxItem, UnavailableError
from stasis_app.http.models import CallPage


async def test_live_calls_say_who_talks_to_whom(world, api):
    world.tell(*call_of("1.1", name='<b>"Bob"</b>')[:-1])

    answer = await api.get("/api/v1/calls")

    (call,) = (await answer.json())["calls"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert call["id"] == "1.1"
    assert call["stage"] == "talking"
    assert call["caller"] == {"kind": "customer", "number": "+79161234567", "name": '<b>"Bob"</b>'}
    assert call["talks"][0]["party"]["number"] == "101"
    assert call["element"] == "sales"


async def test_a_live_call_says_who_is_in_it_and_what_he_does(world, api):
    anna = {"call_id": "1.1", "leg": "l1", "party": ANNA}
    world.tell(*call_of("1.1")[:-1], f.Held(**anna, at=at(7)), f.Muted(**anna, at=at(8)))

    (call,) = (await (await api.get("/api/v1/calls")).json())["calls"]
    assert [(one["id"], one["party"]["number"], one["held"], one["muted"]) for one in call["participants"]] == [
        ("c", "+79161234567", False, False),
        ("l1", "101", True, True),
    ]
    assert call["participants"][1]["since"] == "2026-03-10T12:00:05Z"
    assert call["parked"] == ""


async def test_many_live_calls_make_one_page_as_the_document_describes_it(world, api):
    for number in range(3):
        world.tell(*call_of(f"1.{number}")[:-1])

    text = await (await api.get("/api/v1/calls")).text()

    page = CallPage.model_validate_json(text)
    assert [call.id for call in page.calls] == ["1.0", "1.1", "1.2"]
    assert page.next is None
    assert page.model_dump_json() == text


async def test_a_parked_call_says_where_it_waits_and_who(world, api):
    left = [f.Left(call_id="1.1", at=at(9), leg=leg, party=ANNA, bridge="b") for leg in ("c", "l1")]
    parked = f.Parked(call_id="1.1", at=at(9), leg="l1", party=ANNA, slot="701", until=at(69))
    world.tell(*call_of("1.1")[:-1], parked, *left)

    (call,) = (await (await api.get("/api/v1/calls")).json())["calls"]
    assert call["parked"] == "701"
    assert [one["party"]["number"] for one in call["participants"]] == ["+79161234567"]


async def test_a_card_finds_its_call_by_the_portals_id(world, api):
    world.tell(*call_of("1.1")[:-1])
    world.tell(*call_of("1.2")[:-1])
    world.in_portal["externalCall.7f.1773130779"] = "1.2"

    async def found(portal_call_id: str) -> list[str]:
        answer = await api.get("/api/v1/calls", params={"portal_call_id": portal_call_id})
        return [call["id"] for call in (await answer.json())["calls"]]

    assert await found("externalCall.7f.1773130779") == ["1.2"]
    assert await found("externalCall.00.1773130779") == []


async def test_ended_calls_come_in_pages(world, api):
    world.ended = [record_of(call_of(f"1.{n}", started=n * 100)) for n in range(5)]

    first = await (await api.get("/api/v1/calls", params={"state": "ended", "limit": 2})).json()
    second = await (
        await api.get("/api/v1/calls", params={"state": "ended", "limit": 2, "cursor": first["next"]})
    ).json()
    last = await (
        await api.get("/api/v1/calls", params={"state": "ended", "limit": 2, "cursor": second["next"]})
    ).json()

    assert [call["id"] for page in (first, second, last) for call in page["calls"]] == [
        "1.4",
        "1.3",
        "1.2",
        "1.1",
        "1.0",
    ]
    assert last["next"] is None
    assert first["calls"][0]["talk_seconds"] == 60.0


async def test_filters_reach_the_journal(world, api):
    await api.get(
        "/api/v1/calls",
        params={"state": "ended", "number": "4567", "extension": "101", "direction": "inbound", "answered": "false"},
    )

    (asked,) = world.asked
    assert (asked.number, asked.extension, asked.direction, asked.answered) == ("4567", "101", Direction.INBOUND, False)


async def test_a_call_tells_its_story(world, api):
    world.ended = [record_of(call_of("pbx-1.1"))]
    world.stories = {"pbx-1.1": call_of("pbx-1.1")}

    story = await (await api.get("/api/v1/calls/pbx-1.1")).json()

    assert story["call"]["ended_by"] == "customer"
    assert [fact["fact"] for fact in story["facts"]][:4] == ["Started", "Visited", "Dialled", "Ringing"]
    assert story["facts"][1]["details"] == {"element": "sales", "kind": "ring", "why": "pressed 2", "since": None}


async def test_an_unknown_call_is_a_404_problem(api):
    answer = await api.get("/api/v1/calls/1.9")

    assert answer.status == 404
    assert answer.content_type == "application/problem+json"
    assert (await answer.json())["title"] == "Not Found"


async def test_originate_rings_the_employee_for_a_number_in_any_spelling(world, api):
    answer = await api.post("/api/v1/calls", json={"extension": "101", "number": "+7 (916) 123-45-67"})

    assert answer.status == 202
    assert await answer.json() == {"call_id": "new/call 1"}
    assert answer.headers["Location"] == "/api/v1/calls/new%2Fcall%201"
    assert world.originated == [("101", "+79161234567")]
    assert world.wishes == [{"line": "", "caller_id": "", "auto_answer": None}]


async def test_an_order_may_choose_line_number_and_auto_answer(world, api):
    wishes = {"line": "74957770000", "caller_id": "+74951112233", "auto_answer": False}

    answer = await api.post("/api/v1/calls", json={"extension": "101", "number": "+79161234567", **wishes})

    assert answer.status == 202
    assert world.wishes == [wishes]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"number": "+79161234567"}, "body.extension"),
        ({"extension": "101"}, "body.number"),
        ({"extension": "101", "number": "1@evil/${SHELL(id)}"}, "body.number"),
        ({"extension": "101", "number": "+7916,1,Hangup"}, "body.number"),
        ({"extension": "PJSIP/1", "number": "102"}, "body.extension"),
        ({"extension": "101", "number": "102", "caller": "x"}, "body.caller"),
        ({"extension": 101, "number": "102"}, "body.extension"),
        ({"extension": "101", "number": "102", "caller_id": "Firm"}, "body.caller_id"),
        ({"extension": "101", "number": "102", "auto_answer": "perhaps"}, "body.auto_answer"),
    ],
)
async def test_a_wrong_order_names_the_field_and_calls_nobody(world, api, body, field):
    answer = await api.post("/api/v1/calls", json=body)

    assert answer.status == 422
    assert [error["field"] for error in (await answer.json())["errors"]] == [field]
    assert world.originated == []


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"data": b"{"}, 400),
        ({"data": b"[1]"}, 422),
        ({"data": b"\xff\xfe"}, 400),
        ({"data": b"x" * 100_000}, 413),
        ({"data": b"{}", "headers": {"Content-Type": "text/plain"}}, 415),
    ],
)
async def test_a_malformed_body_is_a_problem(api, options, status):
    answer = await api.post("/api/v1/calls", **{"headers": {"Content-Type": "application/json"}, **options})

    assert answer.status == status
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize(
    ("trouble", "status"),
    [(NotPossibleError("extension 101 has no phone"), 409), (UnavailableError("no link to Asterisk"), 503)],
)
async def test_what_is_not_possible_now_says_why(world, api, trouble, status):
    world.trouble = trouble

    answer = await api.post("/api/v1/calls", json={"extension": "101", "number": "102"})

    assert answer.status == status
    assert (await answer.json())["detail"] == str(trouble)


async def test_an_unexpected_error_tells_nothing_but_a_reference(world, api):
    world.trouble = RuntimeError("secret inner working")

    answer = await api.post("/api/v1/calls", json={"extension": "101", "number": "102"})

    assert answer.status == 500
    assert "secret" not in await answer.text()


async def test_hang_up_ends_a_live_call_only(world, api):
    world.tell(*call_of("1.1")[:3])

    assert (await api.delete("/api/v1/calls/1.1")).status == 204
    assert (await api.delete("/api/v1/calls/1.2")).status == 404
    assert world.hung_up == ["1.1", "1.2"]


async def test_the_outbox_is_listed(world, api):
    started = record_of(call_of("1.1")).started_at
    world.waiting = [OutboxItem("1.1/2", "1.1", "finish", "open", 3, started, "no connection")]

    (item,) = (await (await api.get("/api/v1/outbox")).json())["items"]

    assert (item["operation"], item["attempts"], item["error"]) == ("finish", 3, "no connection")


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/v1/calls?limit=0", "query.limit"),
        ("/api/v1/calls?state=dead", "query.state"),
        ("/api/v1/calls?state=ended&cursor=x", "query.cursor"),
        ("/api/v1/calls?state=ended&since=2026-03-10T12:00:00", "query.since"),
        ("/api/v1/calls?state=ended&number='%20OR%201=1", "query.number"),
        ("/api/v1/calls?page=2", "query.page"),
        ("/api/v1/outbox?limit=many", "query.limit"),
    ],
)
async def test_a_wrong_parameter_is_named(api, path, field):
    answer = await api.get(path)

    assert answer.status == 422
    assert [error["field"] for error in (await answer.json())["errors"]] == [field]


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("PUT", "/api/v1/calls", 405)])
async def test_even_a_wrong_address_answers_with_a_problem(api, method, path, status):
    answer = await api.request(method, path)

    assert answer.status == status
    assert (await answer.json())["status"] == status


async def test_a_call_is_transferred_and_the_transfer_is_gone_on_with(world, api):
    world.tell(*call_of("1.1")[:3])

    assert (await api.post("/api/v1/calls/1.1/transfer", json={"to": "102", "kind": "attended"})).status == 202
    for what in ("complete", "cancel", "conference", "swap"):
        assert (await api.post(f"/api/v1/calls/1.1/transfer/{what}")).status == 204
    assert (await api.post("/api/v1/calls/1.2/transfer", json={"to": "102"})).status == 404

    assert world.transferred[0] == ("1.1", "102", "attended", "")
    assert [what for _, what in world.transferred[1:5]] == ["complete", "cancel", "conference", "swap"]


async def test_a_transfer_that_is_not_possible_says_why(world, api):
    world.trouble = NotPossibleError("nobody talks yet")

    answer = await api.post("/api/v1/calls/1.1/transfer", json={"to": "102"})

    assert answer.status == 409
    assert (await answer.json())["detail"] == "nobody talks yet"
