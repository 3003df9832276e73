"""Events: bound once, posted in every shape and with every unreliability, or kept until they are fetched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from b24_office import Office, Opens

from b24client import (
    AccessDenied,
    BadReply,
    MemoryTokenStore,
    OAuthAuth,
    OfflineEvent,
    Portal,
    PostedEvent,
    Processed,
    Refused,
    Temporary,
    UnknownOutcome,
)
from b24client.sandbox import SandboxConfig


class Doorstep:
    """Our own address: what was posted to it."""

    def __init__(self) -> None:
        self.url = ""
        self.bodies: list[bytes] = []
        self.status = 200
        self._news = asyncio.Event()

    @property
    def events(self) -> list[PostedEvent]:
        return [PostedEvent.from_form(body) for body in self.bodies]

    async def take(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        self._news.set()
        return web.Response(status=self.status)

    async def until(self, count: int) -> list[PostedEvent]:
        async with asyncio.timeout(10):
            while len(self.bodies) < count:
                self._news.clear()
                await self._news.wait()
        return self.events


@pytest.fixture
async def doorstep() -> AsyncIterator[Doorstep]:
    door = Doorstep()
    app = web.Application()
    app.router.add_post("/", door.take)
    async with TestServer(app) as server:
        door.url = str(server.make_url("/"))
        yield door


@pytest.fixture
async def portal(office: Office) -> Portal:
    return await office.installed()


def changed(office: Office, contact: int, **options: Any) -> None:
    """A contact changes."""
    office.sandbox.postman.emit("ONCRMCONTACTUPDATE", {"FIELDS": {"ID": contact}}, 1, office.url, **options)


# Binding


async def test_an_event_is_bound_once_however_often_one_says_so(office: Office, portal: Portal) -> None:
    assert await portal.events.bind("OnAppTest", "http://app.test/", user_id=1)
    assert not await portal.events.bind("ONAPPTEST", "http://app.test/", user_id=1)
    assert not await portal.events.bind("ONAPPTEST", "http://app.test/")
    assert await portal.events.bind("ONAPPTEST", "http://app.test/", user_id=11)  # in another name
    assert [binding.auth_type for binding in await portal.events.list()] == ["1", "11"]
    assert await portal.events.unbind("ONAPPTEST", user_id=11) == 1
    assert await portal.events.unbind("ONAPPTEST", "http://app.test/") == 1
    assert await portal.events.list() == []


async def test_somebody_who_binds_at_the_same_moment_is_no_error(office: Office, portal: Portal) -> None:
    both = await asyncio.gather(*(portal.events.bind("ONAPPTEST", "http://app.test/") for _ in range(2)))
    assert sorted(both) == [False, True]


async def test_a_lost_answer_to_a_binding_is_looked_after(office: Office, portal: Portal) -> None:
    office.trouble(kind="lose_reply", times=1, methods=["event.bind"])
    assert await portal.events.bind("ONAPPTEST", "http://app.test/")
    office.trouble(kind="reset", times=1, methods=["event.bind"])
    with pytest.raises(UnknownOutcome):
        await portal.events.bind("ONAPPTEST", "http://other.test/")
    office.trouble(kind="lose_reply", times=1, methods=["event.bind"])
    assert await portal.events.bind_offline("ONCRMLEADADD")


async def test_who_is_no_administrator_binds_in_his_own_name_only(office: Office, http: aiohttp.ClientSession) -> None:
    token = office.sandbox.access.grant(12, office.url)["access_token"]

    async def bind(**params: Any) -> tuple[int, dict[str, Any]]:
        body = {"auth": token, "event": "ONCRMLEADADD", "handler": "http://app.test/", **params}
        async with http.post(f"{office.url}/rest/event.bind", json=body) as answer:
            return answer.status, await answer.json()

    status, body = await bind(event_type="offline")
    assert (status, body["error"]) == (403, "ACCESS_DENIED")
    assert "Offline events binding requires administrator" in body["error_description"]
    status, body = await bind(auth_type=1)
    assert (status, "Event binding with AUTH_TYPE requires" in body["error_description"]) == (403, True)
    assert (await bind())[1]["result"] is True
    assert office.sandbox.postman.bindings[0].auth_type == 12


@pytest.mark.parametrize(
    ("params", "status", "error", "argument"),
    [
        ({}, 400, "ERROR_ARGUMENT", "EVENT"),
        ({"event": "ONAPPTEST"}, 400, "ERROR_ARGUMENT", "HANDLER"),
        ({"event": "ONAPPTEST", "handler": "ftp://x"}, 400, "ERROR_UNSUPPORTED_PROTOCOL", None),
        ({"event": "ONNOTHING", "handler": "http://x"}, 400, "ERROR_EVENT_NOT_FOUND", None),
        ({"event": "ONEXTERNALCALLSTART", "event_type": "offline"}, 400, "ERROR_EVENT_NOT_FOUND", None),
    ],
)
async def test_bindings_that_are_refused(
    office: Office, http: aiohttp.ClientSession, params: dict[str, Any], status: int, error: str, argument: str | None
) -> None:
    token = office.sandbox.access.grant(1, office.url)["access_token"]
    async with http.post(f"{office.url}/rest/event.bind", json={"auth": token, **params}) as answer:
        body = await answer.json()
    assert (answer.status, body["error"], body.get("argument")) == (status, error, argument)


async def test_what_may_be_bound_is_told(portal: Portal) -> None:
    assert "ONEXTERNALCALLSTART" in await portal.events.names()
    assert await portal.events.names("user") == ["ONUSERADD"]
    assert await portal.events.names("nonsense") == []
    webhook_only = portal.events
    with pytest.raises(Refused):
        await webhook_only.bind("ONNOTHING", "http://app.test/")


async def test_a_webhook_has_no_events(office: Office) -> None:
    with pytest.raises(AccessDenied, match="installed application"):
        await (await office.by_webhook()).events.list()


# The post


async def test_an_event_arrives_and_proves_where_it_comes_from(
    office: Office, portal: Portal, doorstep: Doorstep
) -> None:
    await portal.events.bind("ONAPPTEST", doorstep.url)
    await portal.events.test(colour="blue", note="a+b & c")
    (event,) = await doorstep.until(1)
    assert event.event == "ONAPPTEST"
    assert event.data["QUERY"] == {"colour": "blue", "note": "a+b & c"}
    assert event.verified(office.sandbox.access.application_token, office.sandbox.access.member_id)
    assert not event.verified("another")
    assert event.auth.tokens is not None
    assert event.auth.tokens.user_id == 1


@pytest.mark.parametrize("shape", ["full", "old", "bare", "fuzz"])
async def test_an_event_in_every_shape_of_its_time(open_office: Opens, doorstep: Doorstep, shape: Any) -> None:
    def shaped(config: SandboxConfig) -> None:
        config.switches.event_auth = shape
        config.events.seed = 7

    office = await open_office(shaped)
    portal = await office.installed()
    await portal.events.bind("ONCRMCONTACTUPDATE", doorstep.url)
    for contact in range(1, 13):
        changed(office, contact)
    events = await doorstep.until(12)
    assert all(event.verified(office.sandbox.access.application_token) for event in events)
    assert [event.entity_id for event in events] == [str(contact) for contact in range(1, 13)]
    with_tokens = sum(event.auth.tokens is not None for event in events)
    assert with_tokens == {"full": 12, "old": 12, "bare": 0}.get(shape, with_tokens)
    assert shape != "fuzz" or 0 < with_tokens < 12
    assert (events[0].handler_id is None) == (shape == "old")


async def unreliable(open_office: Opens, doorstep: Doorstep, **how: Any) -> tuple[Office, list[str]]:
    """Twenty contacts change; the ids as they arrived, once the post has settled."""

    def badly(config: SandboxConfig) -> None:
        config.events = config.events.model_validate({"delay_min": 0, "delay_max": 0.01, "seed": 3, **how})

    office = await open_office(badly)
    portal = await office.installed()
    await portal.events.bind("ONCRMCONTACTUPDATE", doorstep.url)
    for contact in range(1, 21):
        changed(office, contact)
    await office.sandbox.postman.settle()
    return office, [event.entity_id for event in doorstep.events]


ALL = [str(contact) for contact in range(1, 21)]


async def test_a_reliable_post_delivers_in_order(open_office: Opens, doorstep: Doorstep) -> None:
    assert (await unreliable(open_office, doorstep))[1] == ALL


async def test_some_events_come_twice(open_office: Opens, doorstep: Doorstep) -> None:
    _, arrived = await unreliable(open_office, doorstep, twice=0.5)
    assert set(arrived) == set(ALL)
    assert len(arrived) > 20


async def test_some_events_never_come(open_office: Opens, doorstep: Doorstep) -> None:
    office, arrived = await unreliable(open_office, doorstep, never=0.5)
    assert 0 < len(arrived) < 20
    lost = [told for told in office.sandbox.postman.history if told["how"] == "never"]
    assert len(lost) == 20 - len(arrived)


async def test_some_events_pass_others(open_office: Opens, doorstep: Doorstep) -> None:
    _, arrived = await unreliable(open_office, doorstep, out_of_order=0.5)
    assert sorted(arrived, key=int) == ALL
    assert arrived != ALL


async def test_late_events_come_behind_the_others(open_office: Opens, doorstep: Doorstep) -> None:
    office, arrived = await unreliable(open_office, doorstep, late=0.3, late_seconds=0.4)
    late = [told for told in office.sandbox.postman.history if told["how"] == "late"]
    assert sorted(arrived, key=int) == ALL
    assert 0 < len(late) < 20
    assert arrived != ALL


async def test_what_the_handler_refuses_is_not_sent_again(office: Office, portal: Portal, doorstep: Doorstep) -> None:
    doorstep.status = 500
    await portal.events.bind("ONCRMCONTACTUPDATE", doorstep.url)
    changed(office, 1)
    await office.sandbox.postman.settle()
    assert len(doorstep.bodies) == 1
    assert office.sandbox.postman.history[-1]["status"] == 500


async def test_a_slow_handler_is_served_later(open_office: Opens, doorstep: Doorstep) -> None:
    how = {"delay_min": 0, "delay_max": 0, "slow_after": 0, "slow_penalty": 0.3}
    office = await open_office(lambda config: setattr(config, "events", config.events.model_validate(how)))
    portal = await office.installed()
    await portal.events.bind("ONCRMCONTACTUPDATE", doorstep.url)
    for contact in (1, 2):
        changed(office, contact)
        await office.sandbox.postman.settle()
    assert [told["delay"] for told in office.sandbox.postman.history] == [0, 0.3]
    assert len(doorstep.bodies) == 2


async def test_the_post_is_changed_while_the_portal_runs(office: Office, http: aiohttp.ClientSession) -> None:
    address = f"{office.url}/sandbox/api/events"
    async with http.patch(address, json={"never": 1.0, "seed": 1}) as answer:
        assert (await answer.json())["never"] == 1.0
    assert office.sandbox.postman.delivery.never == 1.0
    for wrong, complaint in (({"never": 2}, "never"), ({"delay_min": 9, "delay_max": 1}, "delay_min"), ([], "object")):
        async with http.patch(address, json=wrong) as answer:
            assert answer.status == 400
            assert complaint in await answer.text()
    async with http.post(f"{office.url}/sandbox/api/emit", json={"event": "onCrmLeadAdd"}) as answer:
        assert await answer.json() == {"posted": 0, "queue": 0}


# The queue


async def drained(portal: Portal, **options: Any) -> list[str]:
    return [event.entity_id async for event in portal.events.offline.consume(**options)]


async def test_changes_are_kept_and_many_of_one_entity_are_one(office: Office, portal: Portal) -> None:
    assert await portal.events.bind_offline("ONCRMCONTACTUPDATE")
    assert not await portal.events.bind_offline("OnCrmContactUpdate")
    for contact in (7, 8, 7, 7):
        changed(office, contact)
    assert [event.entity_id async for event in portal.events.offline.list()] == ["7", "8"]
    assert sorted(await drained(portal)) == ["7", "8"]
    assert await drained(portal) == []
    assert await portal.events.unbind_offline("ONCRMCONTACTUPDATE") == 1
    changed(office, 9)
    assert await drained(portal) == []


async def test_a_long_queue_is_read_whole(office: Office, portal: Portal) -> None:
    await portal.events.bind_offline("ONCRMCONTACTUPDATE")
    for contact in range(1, 131):
        changed(office, contact)
    assert await drained(portal) == [str(contact) for contact in range(1, 131)]
    assert office.sandbox.postman.queue.rows == []


async def test_an_event_is_cleared_after_the_work_and_not_before(office: Office, portal: Portal) -> None:
    await portal.events.bind_offline("ONCRMCONTACTUPDATE")
    for contact in (1, 2, 3):
        changed(office, contact)
    with pytest.raises(RuntimeError, match="the disk is full"):
        async with aclosing(portal.events.offline.consume()) as events:
            async for event in events:
                if event.entity_id == "2":
                    raise RuntimeError("the disk is full")
    assert [row.data["FIELDS"]["ID"] for row in office.sandbox.postman.queue.rows] == [2, 3]
    assert await drained(portal) == ["2", "3"]  # nothing was lost


async def test_a_lost_answer_loses_no_event(office: Office, portal: Portal) -> None:
    await portal.events.bind_offline("ONCRMCONTACTUPDATE")
    for contact in (1, 2):
        changed(office, contact)
    office.trouble(kind="lose_reply", times=1, methods=["event.offline.get"])
    assert await drained(portal) == ["1", "2"]
    assert office.sandbox.postman.queue.rows == []
    office.trouble(kind="lose_reply", times=1, methods=["event.offline.get"])
    changed(office, 3)
    with pytest.raises(UnknownOutcome):
        await drained(portal, recover=False)
    assert await drained(portal, recover=False) == []  # reserved for nobody
    assert await drained(portal) == ["3"]


async def test_a_lost_answer_to_the_clearing_is_harmless(office: Office, portal: Portal) -> None:
    await portal.events.bind_offline("ONCRMCONTACTUPDATE")
    changed(office, 1)
    office.trouble(kind="lose_reply", times=1, methods=["event.offline.clear"])
    assert await drained(portal) == ["1"]
    assert office.sandbox.postman.queue.rows == []


async def test_work_that_fails_is_marked_and_the_rest_goes_on(office: Office, portal: Portal) -> None:
    await portal.events.bind_offline("ONCRMCONTACTUPDATE")
    for contact in (1, 2, 3):
        changed(office, contact)
    done: list[str] = []

    async def work(event: OfflineEvent) -> None:
        if event.entity_id == "2":
            raise ValueError("no such contact")
        done.append(event.entity_id)

    assert await portal.events.offline.process(work) == Processed(done=2, failed=1)
    assert done == ["1", "3"]
    assert await drained(portal) == []
    process_id, again = await portal.events.offline.get(errors=True)
    assert [event.entity_id for event in again] == ["2"]
    await portal.events.offline.clear(process_id)
    assert office.sandbox.postman.queue.rows == []


async def test_a_portal_that_is_away_is_an_error_and_not_an_empty_queue(office: Office, portal: Portal) -> None:
    office.trouble(kind="error", status=503, code="QUERY_LIMIT_EXCEEDED", description="Too many requests")
    with pytest.raises(Exception, match="Too many requests"):
        await drained(portal)
    office.sandbox.faults.clear()
    office.trouble(kind="error", status=500)
    with pytest.raises(Temporary):
        await drained(portal)


async def test_our_own_changes_do_not_come_back(office: Office, portal: Portal) -> None:
    await portal.events.bind_offline("ONCRMCONTACTUPDATE", auth_connector="mirror")
    changed(office, 1, auth_connector="mirror")
    changed(office, 2)
    assert await drained(portal) == []
    assert await drained(portal, auth_connector="mirror") == ["2"]


async def test_parallel_readers_get_different_events(office: Office, portal: Portal) -> None:
    await portal.events.bind_offline("ONCRMCONTACTUPDATE")
    for contact in range(1, 7):
        changed(office, contact)
    taken = await asyncio.gather(*(portal.events.offline.get(limit=3) for _ in range(2)))
    assert {process for process, _ in taken} != {""}
    assert sorted(event.entity_id for _, events in taken for event in events) == ["1", "2", "3", "4", "5", "6"]


async def test_the_queue_can_be_asked_as_documented(office: Office, portal: Portal) -> None:
    await portal.events.bind_offline("ONCRMCONTACTUPDATE")
    await portal.events.bind_offline("ONCRMLEADADD")
    changed(office, 1)
    office.sandbox.postman.emit("ONCRMLEADADD", {}, 1, office.url)
    ask = portal.call
    rows = await ask("event.offline.list", {"order": {"ID": "DESC"}})
    assert [(row["EVENT_NAME"], row["EVENT_DATA"], row["PROCESS_ID"], row["ERROR"]) for row in rows] == [
        ("ONCRMLEADADD", False, "", "0"),
        ("ONCRMCONTACTUPDATE", {"FIELDS": {"ID": 1}}, "", "0"),
    ]
    taken = await ask("event.offline.get", {"filter": {"=EVENT_NAME": "ONCRMLEADADD"}})
    assert taken["process_id"] is None  # gone for good
    assert [row["EVENT_NAME"] for row in taken["events"]] == ["ONCRMLEADADD"]
    kept = await ask("event.offline.get", {"clear": 0})
    again = await ask("event.offline.get", {"clear": 0, "process_id": kept["process_id"]})
    assert again == kept
    with pytest.raises(Refused, match="process_id"):
        await ask("event.offline.clear", {})
    assert await ask("event.offline.clear", {"process_id": kept["process_id"], "message_id": [999]}) is True
    assert len(office.sandbox.postman.queue.rows) == 1


async def test_the_queue_knocks_but_not_too_often(office: Office, portal: Portal, doorstep: Doorstep) -> None:
    await portal.events.bind("ONOFFLINEEVENT", doorstep.url, options={"minTimeout": 1})
    await portal.events.bind_offline("ONCRMCONTACTUPDATE")
    for contact in range(5):
        changed(office, contact)
    await office.sandbox.postman.settle()
    first, second = doorstep.events
    assert first.data == {"type": "add", "event": "ONCRMCONTACTUPDATE", "handler": ""}
    assert second.data["minTimeout"] == "1"


async def test_nothing_is_posted_before_the_installation_is_finished(
    office: Office, portal: Portal, doorstep: Doorstep
) -> None:
    await portal.events.bind("ONCRMCONTACTUPDATE", doorstep.url)
    office.sandbox.access.unfinished = True
    changed(office, 1)
    office.sandbox.access.finish_installation()
    changed(office, 2)
    (event,) = await doorstep.until(1)
    assert event.entity_id == "2"


async def test_a_portal_answers_what_nobody_expects(office: Office) -> None:
    answers: dict[str, Any] = {}

    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"result": answers[request.path.rpartition("/")[2]]})

    app = web.Application()
    app.router.add_post("/rest/{method}", answer)
    async with TestServer(app) as server:
        store = MemoryTokenStore(office.tokens().model_copy(update={"client_endpoint": ""}))
        async with Portal(OAuthAuth(str(server.make_url("/")), "c", "s", store), allow_http=True) as portal:
            calls: list[tuple[str, Any, Callable[[], Any]]] = [
                ("event.offline.get", [], portal.events.offline.get),
                ("event.offline.get", {"events": [7]}, portal.events.offline.get),
                ("event.offline.get", {"events": [{"ID": "x"}]}, portal.events.offline.get),
                ("event.unbind", "x", lambda: portal.events.unbind("E")),
                ("events", "x", portal.events.names),
            ]
            for method, result, call in calls:
                answers[method] = result
                with pytest.raises(BadReply):
                    await call()
