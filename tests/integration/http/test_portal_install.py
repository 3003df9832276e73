"""An administrator installs the application in the (sandbox) portal, and employees click numbers."""

import asyncio

import aiohttp
import pytest
from aiohttp import web

from b24client import AccessDenied, MemoryTokenStore, OAuthAuth, Portal, encode_form
from b24client.sandbox import SANDBOX, SandboxConfig, SeedUser, create_sandbox
from stasis_app.portal import CallBackOrder, ClickOrder, InstallProof, PortalNeeds, add_portal

ADMIN, SELLER = 1, 12


class Controller:
    """Remembers what was ordered."""

    def __init__(self) -> None:
        self.orders: asyncio.Queue[ClickOrder] = asyncio.Queue()
        self.wishes: list[CallBackOrder] = []

    async def click_to_call(self, order: ClickOrder) -> None:
        self.orders.put_nowait(order)

    def take(self, order: CallBackOrder) -> None:
        self.wishes.append(order)

    async def next(self) -> ClickOrder:
        async with asyncio.timeout(5):
            return await self.orders.get()


class World:
    """A portal, our service, and the way between them."""

    def __init__(self, sandbox, service, portal, tokens, controller) -> None:
        self.sandbox, self.service, self.portal, self.tokens = sandbox, service, portal, tokens
        self.controller = controller
        self.base = str(sandbox.make_url("")).rstrip("/")
        self.state = sandbox.app[SANDBOX]

    def install_form(self, user_id: int = ADMIN, **changes: str) -> dict:
        auth = {**self.state.postman.auth_block(user_id, self.base, install=True), **changes}
        return {"event": "ONAPPINSTALL", "data": {"VERSION": "1", "LANGUAGE_ID": "ru"}, "auth": auth}

    def event(self, name: str, data: dict, **changes: str) -> dict:
        auth = {**self.state.postman.auth_block(SELLER, self.base), **changes}
        return {"event": name, "data": data, "auth": {k: v for k, v in auth.items() if v}}

    async def post(self, path: str, form: dict) -> int:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        async with self.service.post(path, data=encode_form(form), headers=headers) as response:
            return response.status

    async def bound(self) -> None:
        """Wait until all our events are bound."""
        async with asyncio.timeout(5):
            while len(self.state.postman.bindings) < 3:  # noqa: ASYNC110 (the sandbox tells nobody)
                await asyncio.sleep(0.01)

    async def install(self, user_id: int = ADMIN, **changes: str) -> int:
        self.state.access.installed = True
        return await self.post("/bitrix24/install", self.install_form(user_id, **changes))


@pytest.fixture
async def world(aiohttp_server, aiohttp_client):
    users = [SeedUser(id=ADMIN, name="Boss", admin=True), SeedUser(id=SELLER, name="Anna", extension="101")]
    sandbox = await aiohttp_server(create_sandbox(SandboxConfig(users=users)))
    base = str(sandbox.make_url("")).rstrip("/")
    app = SandboxConfig().app
    tokens, controller = MemoryTokenStore(), Controller()
    auth = OAuthAuth(base, app.client_id, app.client_secret, tokens, base)
    async with aiohttp.ClientSession() as session, Portal(auth, allow_http=True) as portal:
        service = web.Application()
        proof = InstallProof(portal=base, client_id=app.client_id, oauth_url=base, session=session)
        client = await aiohttp_client(service_with(service, auth, portal, proof, controller))
        yield World(sandbox, client, portal, tokens, controller)
        await client.close()  # the service ends before its way to the portal does


def service_with(app, auth, portal, proof, controller) -> web.Application:
    needs = PortalNeeds(
        auth=auth,
        portal=portal,
        proof=proof,
        control=controller,
        call_backs=controller,
        public_url="http://service.example/",
    )
    add_portal(app, needs)
    return app


CLICK = {
    "CALL_ID": "externalCall.0123.1773236989",
    "USER_ID": str(SELLER),
    "PHONE_NUMBER": "+7 495 123-45-67",
    "PHONE_NUMBER_INTERNATIONAL": "+74951234567",
    "LINE_NUMBER": "74951230000",
    "CRM_ENTITY_TYPE": "CONTACT",
    "CRM_ENTITY_ID": "797",
}


async def test_an_administrator_installs_us_and_our_events_are_bound(world):
    assert await world.install() == 200

    kept = await world.tokens.load()
    assert kept.member_id == world.state.access.member_id
    await world.service.close()  # work behind the answer is done before the end
    bound = {binding.event for binding in world.state.postman.bindings}
    assert bound == {"ONEXTERNALCALLSTART", "ONEXTERNALCALLBACKSTART", "ONAPPUNINSTALL"}
    assert world.state.postman.bindings[0].handler == "http://service.example/bitrix24/events"


async def test_installing_again_renews_the_tokens(world):
    await world.install()
    before = await world.tokens.load()

    assert await world.install() == 200

    assert (await world.tokens.load()).access_token != before.access_token


@pytest.mark.parametrize(
    "changes",
    [
        {"access_token": "made-up"},
        {"member_id": "0" * 32},
    ],
)
async def test_a_forged_installation_changes_nothing(world, changes):
    assert await world.install(**changes) == 403
    assert await world.tokens.load() is None


async def test_an_employee_cannot_install_us(world):
    assert await world.install(SELLER) == 403
    assert await world.tokens.load() is None


async def test_another_portals_tokens_are_refused(world, aiohttp_server):
    users = [SeedUser(id=ADMIN, name="Stranger", admin=True)]
    other = await aiohttp_server(create_sandbox(SandboxConfig(users=users)))
    base = str(other.make_url("")).rstrip("/")
    theirs = other.app[SANDBOX].postman.auth_block(ADMIN, base, install=True)

    assert await world.post("/bitrix24/install", {"event": "ONAPPINSTALL", "auth": theirs}) == 403
    assert await world.tokens.load() is None


async def test_while_the_portal_is_away_an_installation_is_put_off(world):
    form = world.install_form()
    await world.sandbox.close()

    assert await world.post("/bitrix24/install", form) == 503


async def test_a_form_without_tokens_is_no_installation(world):
    assert await world.post("/bitrix24/install", {"event": "ONAPPINSTALL", "auth": {"member_id": "x"}}) == 400
    assert await world.install(application_token="") == 400


async def test_a_click_on_a_number_is_a_call(world):
    await world.install()

    assert await world.post("/bitrix24/events", world.event("ONEXTERNALCALLSTART", CLICK)) == 200

    order = await world.controller.next()
    assert (order.user_id, order.number, order.portal_call_id) == (SELLER, "+74951234567", CLICK["CALL_ID"])
    assert (order.line, order.entity_type, order.entity_id) == ("74951230000", "CONTACT", 797)


async def test_a_click_delivered_twice_is_one_call(world):
    await world.install()

    for _ in range(2):
        assert await world.post("/bitrix24/events", world.event("ONEXTERNALCALLSTART", CLICK)) == 200

    await world.controller.next()
    assert world.controller.orders.empty()


@pytest.mark.parametrize(
    "changes", [{"application_token": "0" * 32}, {"application_token": ""}, {"member_id": "other"}]
)
async def test_an_event_of_somebody_else_is_refused(world, changes):
    await world.install()

    assert await world.post("/bitrix24/events", world.event("ONEXTERNALCALLSTART", CLICK, **changes)) == 403
    assert world.controller.orders.empty()


async def test_before_the_installation_every_event_is_refused(world):
    assert await world.post("/bitrix24/events", world.event("ONEXTERNALCALLSTART", CLICK)) == 403


@pytest.mark.parametrize(
    "wrong",
    [
        {"PHONE_NUMBER_INTERNATIONAL": "1&Hangup()", "PHONE_NUMBER": ""},
        {"USER_ID": "12; drop"},
        {"CALL_ID": ""},
        {"CALL_ID": "a\nb"},
    ],
)
async def test_an_unreadable_click_calls_nobody(world, wrong):
    await world.install()

    assert await world.post("/bitrix24/events", world.event("ONEXTERNALCALLSTART", {**CLICK, **wrong})) == 400
    assert world.controller.orders.empty()


@pytest.mark.parametrize("wrong", [{"PHONE_NUMBER": "1&Hangup()"}, {"PHONE_NUMBER": ""}])
async def test_an_unreadable_callback_form_calls_nobody(world, wrong):
    await world.install()

    assert await world.post("/bitrix24/events", world.event("ONEXTERNALCALLBACKSTART", wrong)) == 400
    assert world.controller.wishes == []


async def test_a_callback_form_of_somebody_else_is_refused(world):
    await world.install()
    forged = world.event("ONEXTERNALCALLBACKSTART", {"PHONE_NUMBER": "+74951234567"}, application_token="0" * 32)

    assert await world.post("/bitrix24/events", forged) == 403
    assert world.controller.wishes == []


async def test_other_events_are_taken_note_of(world):
    await world.install()

    assert await world.post("/bitrix24/events", world.event("ONSOMETHINGNEW", {})) == 200


async def test_a_removed_application_forgets_its_tokens_and_leaves_the_portal_alone(world):
    await world.install()
    await world.bound()
    asked = world.state.journal.requests
    gone = world.event("ONAPPUNINSTALL", {"LANGUAGE_ID": "ru", "CLEAN": "0"}, access_token="")

    assert await world.post("/bitrix24/events", gone) == 200

    assert await world.tokens.load() is None
    with pytest.raises(AccessDenied, match="NOT_INSTALLED"):
        await world.portal.profile()
    assert world.state.journal.requests == asked
    assert await world.post("/bitrix24/events", world.event("ONEXTERNALCALLSTART", CLICK)) == 403


@pytest.mark.parametrize("changes", [{"application_token": "0" * 32}, {"application_token": ""}])
async def test_nobody_else_can_remove_the_application(world, changes):
    await world.install()

    assert await world.post("/bitrix24/events", world.event("ONAPPUNINSTALL", {}, **changes)) == 403

    assert await world.tokens.load() is not None
    assert (await world.portal.profile()).id == ADMIN


async def test_after_a_removal_the_application_can_be_installed_again(world):
    await world.install()
    await world.post("/bitrix24/events", world.event("ONAPPUNINSTALL", {}))

    assert await world.install() == 200

    assert (await world.portal.profile()).id == ADMIN


async def test_a_portal_that_took_the_place_of_ours_is_ours_once_that_is_proved(world):
    await world.install()
    world.state.access.member_id = "f" * 32

    assert await world.install() == 200

    assert (await world.tokens.load()).member_id == "f" * 32
