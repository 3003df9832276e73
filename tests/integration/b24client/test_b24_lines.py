"""The application's outside lines, and the one outgoing calls take."""

from __future__ import annotations

import pytest
from b24_office import Office

from b24client import AccessDenied, Line, OAuthTokens, Portal, Refused
from b24client.tokens import MemoryTokenStore


@pytest.fixture
async def portal(office: Office) -> Portal:
    return await office.installed()


async def test_lines_come_change_and_go(portal: Portal) -> None:
    line_id = await portal.lines.add("74951230000", "Main")
    assert await portal.lines.update("74951230000", name="Shop", crm_auto_create=False) == line_id
    await portal.lines.add("74951230001")
    assert await portal.lines.list() == [
        Line(number="74951230000", name="Shop", crm_auto_create=False),
        Line(number="74951230001", name="", crm_auto_create=True),
    ]
    await portal.lines.delete("74951230000")
    assert [line.number for line in await portal.lines.list()] == ["74951230001"]


async def test_having_a_line_may_be_asked_for_again_and_again(office: Office, portal: Portal) -> None:
    assert await portal.lines.ensure("7495", "Main")
    assert not await portal.lines.ensure("7495", "Main")
    assert await portal.lines.ensure("7495", "Shop")
    assert await portal.lines.list() == [Line(number="7495", name="Shop")]


async def test_what_the_portal_says_to_mistakes(portal: Portal) -> None:
    await portal.lines.add("7495")
    with pytest.raises(Refused, match="Line already exists"):
        await portal.lines.add("7495")
    with pytest.raises(Refused, match="Could not find line with number 7496"):
        await portal.lines.update("7496", name="Shop")
    with pytest.raises(Refused, match="Could not find line"):
        await portal.lines.delete("7496")


async def test_what_is_not_even_sent(office: Office, portal: Portal) -> None:
    with pytest.raises(ValueError, match="nothing to change"):
        await portal.lines.update("7495")
    with pytest.raises(ValueError, match="empty"):
        await portal.lines.add(" ")
    assert office.sandbox.journal.requests == 0


async def test_lines_are_an_applications(office: Office) -> None:
    with pytest.raises(AccessDenied, match="installed application"):
        await (await office.by_webhook()).lines.list()


async def test_the_line_outgoing_calls_take(portal: Portal) -> None:
    assert await portal.lines.available() == {}
    assert await portal.lines.outgoing() == "LINK_BASE_NUMBER"
    assert not await portal.lines.set_outgoing("sip7")  # the portal says nothing of a line it does not know
    assert await portal.lines.set_outgoing("REST_APP:3")
    assert await portal.lines.outgoing() == "REST_APP:3"


async def test_who_may_not_manage_numbers(office: Office) -> None:
    employee = OAuthTokens.from_token_reply(office.sandbox.access.grant(11, office.url))
    with pytest.raises(AccessDenied, match="right"):
        await (await office.installed(MemoryTokenStore(employee))).lines.outgoing()
