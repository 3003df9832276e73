"""The sandbox's CRM as any HTTP client finds it: two dialects, documented texts and oddities, events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from b24_office import Office
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from b24client import Portal, decode_form
from b24client.sandbox import SandboxConfig, SeedClient, SeedCrm, SeedItem, SeedUser
from b24client.sandbox.crm_fields import camel, upper
from b24client.sandbox.methods import REGISTRY

Answer = tuple[int, dict[str, Any]]


class Wire:
    """Bare JSON requests by webhook."""

    def __init__(self, office: Office, http: aiohttp.ClientSession) -> None:
        self.office = office
        self.http = http

    async def ask(self, method: str, **params: Any) -> Answer:
        async with self.http.post(f"{self.office.url}/rest/1/sandboxsecret/{method}", json=params) as answer:
            return answer.status, await answer.json()

    async def result(self, method: str, **params: Any) -> Any:
        status, body = await self.ask(method, **params)
        assert status == 200, body
        return body["result"]


@pytest.fixture
async def wire(office: Office, http: aiohttp.ClientSession) -> Wire:
    return Wire(office, http)


async def test_the_older_methods_write_everything_as_strings(wire: Wire) -> None:
    contact = await wire.result("crm.contact.get", ID=502)
    assert (contact["ID"], contact["ASSIGNED_BY_ID"], contact["COMPANY_ID"]) == ("502", "12", "601")
    assert (contact["HAS_PHONE"], contact["HAS_IMOL"], contact["SECOND_NAME"]) == ("Y", "N", None)
    (phone,) = contact["PHONE"]
    assert phone == {"ID": phone["ID"], "VALUE_TYPE": "WORK", "VALUE": "+7 495 123-45-02", "TYPE_ID": "PHONE"}
    assert isinstance(phone["ID"], str)
    assert "WEB" not in contact
    assert "COMPANY_IDS" not in contact
    assert (await wire.result("crm.deal.get", id=801))["OPPORTUNITY"] == "125000.00"


async def test_the_universal_methods_write_numbers_as_numbers(wire: Wire) -> None:
    item = (await wire.result("crm.item.get", entityTypeId=3, id=502))["item"]
    assert (item["id"], item["assignedById"], item["companyId"], item["companyIds"]) == (502, 12, 601, [601])
    assert [(entry["typeId"], entry["value"]) for entry in item["fm"]] == [
        ("PHONE", "+7 495 123-45-02"),
        ("EMAIL", "olga@vektor.example"),
    ]
    deal = (await wire.result("crm.item.get", entityTypeId=2, id=801))["item"]
    assert (deal["opportunity"], deal["closed"], deal["contactIds"], deal["entityTypeId"]) == (125000.0, "N", [501], 2)
    assert "fm" not in deal


async def test_custom_fields_have_two_spellings(wire: Wire) -> None:
    (row,) = (await wire.result("crm.item.list", entityTypeId=1036))["items"]
    assert row["ufCrm5Serial"] == "4050-77"
    (row,) = (await wire.result("crm.item.list", entityTypeId=1036, useOriginalUfNames="Y"))["items"]
    assert row["UF_CRM_5_SERIAL"] == "4050-77"
    wanted = {"UF_CRM_5_SERIAL": "4050-77"}
    assert len((await wire.result("crm.item.list", entityTypeId=1036, filter=wanted))["items"]) == 1


@pytest.mark.parametrize(
    ("capital", "camel_case"),
    [
        ("LAST_NAME", "lastName"),
        ("UF_CRM_2_1639669411830", "ufCrm2_1639669411830"),
        ("UF_CRM_1720019876534", "ufCrm_1720019876534"),
        ("UF_CRM_MY_FIELD", "ufCrmMyField"),
        ("PARENT_ID_1036", "parentId1036"),
    ],
)
def test_names_in_both_dialects(capital: str, camel_case: str) -> None:
    assert camel(capital) == camel_case
    assert upper(camel_case) == capital


async def test_select_masks(wire: Wire) -> None:
    async def keys(select: Any) -> set[str]:
        return set((await wire.result("crm.contact.list", filter={"ID": 502}, select=select))[0])

    assert await keys(["ID", "EMAIL"]) == {"ID", "EMAIL"}
    assert "PHONE" not in await keys(["*"])
    assert {"PHONE", "NAME"} <= await keys(["*", "PHONE"])
    assert "PHONE" not in await keys([])
    await wire.result("crm.contact.update", id=502, fields={"UF_CRM_1": "x"})
    assert await keys(["UF_*"]) == {"UF_CRM_1"}
    (item,) = (await wire.result("crm.item.list", entityTypeId=3, filter={"id": 502}, select=["name"]))["items"]
    assert item == {"name": "Olga"}


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({"ID": [501, 502]}, ["501", "502"]),
        ({"@ID": [502]}, ["502"]),
        ({"!ID": 501}, ["502"]),
        ({">ID": 501}, ["502"]),
        ({"%LAST_NAME": "smir"}, ["502"]),
        ({"=%LAST_NAME": "Iv%"}, ["501"]),
        ({"%=LAST_NAME": "%ov"}, ["501"]),
        ({"!=%LAST_NAME": "%ov"}, ["502"]),
        ({"EMAIL": "olga@vektor.example"}, ["502"]),
        ({"PHONE": "+7 916 123-45-67"}, ["501"]),
        ({"PHONE": "79161234567"}, []),
        ({"NO_SUCH_FIELD": 5}, ["501", "502"]),
    ],
)
async def test_filters_of_the_older_methods(wire: Wire, wanted: dict[str, Any], ids: list[str]) -> None:
    assert [row["ID"] for row in await wire.result("crm.contact.list", filter=wanted, select=["ID"])] == ids


async def test_pages_are_counted_unless_told_not_to(wire: Wire) -> None:
    for number in range(120):
        wire.office.sandbox.crm.add(2, {"TITLE": f"D{number}"}, (), 1)
    _, first = await wire.ask("crm.deal.list", order={"ID": "DESC"}, select=["ID"])
    assert (len(first["result"]), first["total"], first["next"]) == (50, 122, 50)
    _, last = await wire.ask("crm.item.list", entityTypeId=2, start=100)
    assert (len(last["result"]["items"]), last["total"], "next" in last) == (22, 122, False)
    _, fast = await wire.ask("crm.deal.list", order={"ID": "ASC"}, filter={">ID": 1050}, start=-1)
    assert (len(fast["result"]), "total" in fast, "next" in fast) == (50, False, False)
    batch = {"a": "crm.deal.list?start=-1&order[ID]=ASC", "b": "crm.deal.list?filter[%3EID]=$result[a][49][ID]&start=0"}
    result = await wire.result("batch", cmd=batch)
    assert int(result["result"]["b"][0]["ID"]) > int(result["result"]["a"][49]["ID"])
    assert result["result_total"] == {"b": 72}


@pytest.mark.parametrize(
    ("method", "params", "code", "text"),
    [
        ("crm.contact.get", {}, "", "ID is not defined or invalid."),
        ("crm.contact.get", {"id": -5}, "", "ID is not defined or invalid."),
        ("crm.contact.get", {"id": 9}, "", "Not found"),
        ("crm.contact.add", {"fields": "x"}, "", "Parameter 'fields' must be array."),
        ("crm.contact.update", {"id": 9, "fields": {}}, "", "Contact is not found"),
        ("crm.contact.delete", {"id": 9}, "ERROR_CORE", "Element not found"),
        ("crm.deal.contact.items.get", {}, "", "The parameter ownerEntityID is invalid or not defined."),
        ("crm.deal.contact.items.get", {"id": 9}, "", "Not found."),
        ("crm.item.list", {}, "100", "Could not find value for parameter {entityTypeId}"),
        ("crm.item.list", {"entityTypeId": 1000}, "NOT_FOUND", "SPA not found"),
        ("crm.item.get", {"entityTypeId": 3, "id": 9}, "NOT_FOUND", "Item not found"),
        ("crm.item.get", {"entityTypeId": 3}, "100", "Could not find value for parameter {id}"),
        ("crm.item.add", {"entityTypeId": 3}, "100", "Could not find value for parameter {fields}"),
        ("crm.item.add", {"entityTypeId": 2, "fields": {"stageId": "C3:NEW"}}, "CRM_FIELD_ERROR_VALUE_NOT_VALID",
         'Invalid value for field "stageId"'),
        ("crm.item.add", {"entityTypeId": 2, "fields": {"assignedById": 99}}, "CRM_FIELD_ERROR_VALUE_NOT_VALID",
         'Invalid value for field "assignedById"'),
        ("crm.item.add", {"entityTypeId": 2, "fields": {"contactIds": "5"}}, "100",
         "Expected iterable value for multiple field, but got str instead"),
        ("crm.item.list", {"entityTypeId": 2, "filter": {"0": {">phone": 1}}}, "INVALID_ARG_VALUE",
         "Invalid filter: field 'phone' is not allowed in filter"),
        ("crm.item.list", {"entityTypeId": 2, "filter": {"id": {"x": 1}}}, "INVALID_ARG_VALUE",
         "Invalid filter: field 'id' has invalid value"),
        ("crm.item.list", {"entityTypeId": 2, "order": {"phone": "ASC"}}, "INVALID_ARG_VALUE",
         "Invalid order: field 'phone' is not allowed in order"),
        ("crm.item.list", {"entityTypeId": 2, "order": {"id": "UP"}}, "INVALID_ARG_VALUE",
         "Invalid order: allowed sort directions are ASC, DESC. But got 'UP' for field 'id'"),
        ("crm.category.list", {"entityTypeId": 3}, "ENTITY_TYPE_NOT_SUPPORTED", "is not supported"),
        ("crm.duplicate.findbycomm", {"values": ["1"]}, "", "Communication type is not defined."),
        ("crm.duplicate.findbycomm", {"type": "FAX", "values": ["1"]}, "", "Communication type 'FAX' is not supported"),
        ("crm.duplicate.findbycomm", {"type": "PHONE"}, "", "Communication values is not defined."),
    ],
)  # fmt: skip
async def test_refusals_as_documented(wire: Wire, method: str, params: dict[str, Any], code: str, text: str) -> None:
    status, body = await wire.ask(method, **params)
    assert (status, body["error"]) == (400, code)
    assert text in body["error_description"]


async def test_what_is_found_is_a_map_and_what_is_not_is_an_empty_list(wire: Wire) -> None:
    assert await wire.result("crm.duplicate.findbycomm", type="PHONE", values=["79161234567"]) == {"CONTACT": [501]}
    assert await wire.result("crm.duplicate.findbycomm", type="PHONE", values=["1"]) == []


async def test_more_than_twenty_values_are_not_looked_at(wire: Wire) -> None:
    values = [*map(str, range(20)), "79161234567"]
    assert await wire.result("crm.duplicate.findbycomm", type="PHONE", values=values) == []


async def test_an_item_without_a_title_gets_one(wire: Wire) -> None:
    made = await wire.result("crm.lead.add", fields={"PHONE": "not a list"})
    assert (await wire.result("crm.lead.get", id=made))["TITLE"] == f"Lead #{made}"
    item = (await wire.result("crm.item.add", entityTypeId=1036, fields={}))["item"]
    assert item["title"] == f"Equipment #{item['id']}"


async def test_what_can_not_be_written_is_passed_over(wire: Wire) -> None:
    made = await wire.result("crm.deal.add", fields={"ID": 5, "DATE_CREATE": "2001-01-01", "NONSENSE": 1})
    deal = await wire.result("crm.deal.get", id=made)
    assert deal["ID"] == str(made)
    assert not deal["DATE_CREATE"].startswith("2001")
    assert "NONSENSE" not in deal


async def test_a_deal_keeps_stage_meaning_and_pipeline_in_step(wire: Wire) -> None:
    async def deal() -> tuple[str, str, str]:
        row = await wire.result("crm.deal.get", id=801)
        return row["STAGE_ID"], row["STAGE_SEMANTIC_ID"], row["CLOSED"]

    await wire.result("crm.deal.update", id=801, fields={"STAGE_ID": "WON"})
    assert await deal() == ("WON", "S", "Y")
    await wire.result("crm.deal.update", id=801, fields={"STAGE_ID": "NO_SUCH_STAGE"})
    assert await deal() == ("WON", "S", "Y")
    await wire.result("crm.item.update", entityTypeId=2, id=801, fields={"categoryId": 3, "stageId": "C3:LOSE"})
    assert await deal() == ("C3:LOSE", "F", "Y")
    await wire.result("crm.lead.update", id=701, fields={"STATUS_ID": "JUNK"})
    assert (await wire.result("crm.lead.get", id=701))["STATUS_SEMANTIC_ID"] == "F"


async def test_directories(wire: Wire) -> None:
    _, body = await wire.ask("crm.status.list", order={"SORT": "DESC"}, filter={"ENTITY_ID": "DEAL_STAGE"})
    assert (body["total"], body["result"][0]["STATUS_ID"], body["result"][0]["SEMANTICS"]) == (8, "APOLOGY", "F")
    assert body["result"][-1]["EXTRA"]["SEMANTICS"] == "process"
    types = [row["ID"] for row in await wire.result("crm.status.entity.types")]
    assert {"SOURCE", "STATUS", "DEAL_STAGE", "DEAL_STAGE_3"} <= set(types)
    general = (await wire.result("crm.category.list", entityTypeId=2))["categories"][-1]
    assert general == {"id": 0, "name": "General", "sort": 300, "entityTypeId": 2, "isDefault": "Y"}


@pytest.fixture
async def posted() -> AsyncIterator[tuple[str, asyncio.Queue[dict[str, Any]]]]:
    """An address for events, and what is posted to it."""
    arrived: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        arrived.put_nowait(decode_form(await request.text()))
        return web.Response()

    app = web.Application()
    app.router.add_post("/", take)
    async with TestServer(app) as server:
        yield str(server.make_url("/")), arrived


@pytest.mark.parametrize("kind", ["CONTACT", "COMPANY", "LEAD", "DEAL"])
async def test_changes_are_told_by_id_only(
    office: Office, posted: tuple[str, asyncio.Queue[dict[str, Any]]], kind: str
) -> None:
    portal: Portal = await office.installed()
    address, arrived = posted
    for change in ("ADD", "UPDATE", "DELETE"):
        await portal.events.bind(f"ONCRM{kind}{change}", address)
    name = f"crm.{kind.lower()}"
    made = await portal.call(f"{name}.add", {"fields": {"TITLE": "x"}})
    assert await _event(arrived) == (f"ONCRM{kind}ADD", {"FIELDS": {"ID": str(made)}})
    await portal.call(f"{name}.update", {"id": made, "fields": {"TITLE": "y"}})
    assert await _event(arrived) == (f"ONCRM{kind}UPDATE", {"FIELDS": {"ID": str(made)}})
    await portal.call(f"{name}.delete", {"id": made})
    assert await _event(arrived) == (f"ONCRM{kind}DELETE", {"FIELDS": {"ID": str(made)}})


async def test_smart_processes_tell_their_type_too(
    office: Office, posted: tuple[str, asyncio.Queue[dict[str, Any]]]
) -> None:
    portal = await office.installed()
    address, arrived = posted
    await portal.events.bind("ONCRMDYNAMICITEMUPDATE", address)
    await portal.crm.items(1036).update(1, {"title": "Printer 4051"})
    told = {"FIELDS": {"ID": "1", "ENTITY_TYPE_ID": "1036"}}
    assert await _event(arrived) == ("ONCRMDYNAMICITEMUPDATE", told)


async def test_a_call_tells_of_the_lead_it_makes_and_moves(
    office: Office, posted: tuple[str, asyncio.Queue[dict[str, Any]]]
) -> None:
    portal = await office.installed()
    address, arrived = posted
    for event in ("ONCRMLEADADD", "ONCRMLEADUPDATE"):
        await portal.events.bind(event, address)
    number = {"PHONE_NUMBER": "+79990000001", "TYPE": 2, "CRM_CREATE": 1}
    call = await portal.call("telephony.externalCall.register", {"USER_ID": 11, **number})
    fields = {"FIELDS": {"ID": str(call["CRM_CREATED_LEAD"])}}
    assert await _event(arrived) == ("ONCRMLEADADD", fields)
    await portal.call("telephony.externalCall.finish", {"USER_ID": 12, "CALL_ID": call["CALL_ID"]})
    assert await _event(arrived) == ("ONCRMLEADUPDATE", fields)


async def _event(arrived: asyncio.Queue[dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    posted = await asyncio.wait_for(arrived.get(), 10)
    return posted["event"], posted["data"]


TEXTS = st.sampled_from(["", "Y", "ASC", "²", "\x00", "1e999", "NaN"])
KEYS = st.sampled_from(["0", "logic", "ID", "id", ">id", "!%title", "fm", "VALUE", "value", "x"])
SCALARS = st.none() | st.booleans() | st.integers(-5, 2000) | TEXTS
NESTED = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner), max_leaves=8)
METHODS = sorted(name for name in REGISTRY if name.startswith("crm."))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
async def test_no_parameter_breaks_a_method(wire: Wire, data: st.DataObject) -> None:
    method = data.draw(st.sampled_from(METHODS))
    params = {
        "id": data.draw(st.sampled_from([1, 501, 601, 701, 801]) | NESTED),
        "entityTypeId": data.draw(st.sampled_from([1, 2, 3, 4, 1036]) | NESTED),
        **{name: data.draw(NESTED) for name in ("filter", "order", "select", "start", "values", "type")},
        "fields": data.draw(
            NESTED
            | st.dictionaries(
                st.sampled_from(
                    ["PHONE", "fm", "contactIds", "CONTACT_ID", "STAGE_ID", "stageId", "OPPORTUNITY", "opportunity",
                     "ASSIGNED_BY_ID", "UF_CRM_1", "ufCrm_1", "categoryId", "TITLE", "title", "companyIds"]
                ),
                NESTED,
            )
        ),
    }  # fmt: skip
    status, body = await wire.ask(method, **params)
    assert status < 500, (method, params)
    assert "result" in body or body["error_description"]


async def test_the_crm_can_be_kept_and_taken_up_again(office: Office) -> None:
    crm = office.sandbox.crm
    portal = await office.installed()
    made = await portal.crm.contacts.add({"NAME": "Nina", "PHONE": [{"VALUE": "+79990000001"}], "UF_CRM_1": "x"})
    before = await portal.crm.contacts.list()
    kept = json.loads(json.dumps(crm.dump()))
    await portal.crm.contacts.delete(made)
    await portal.crm.deals.update(801, {"STAGE_ID": "WON"})
    crm.load(kept)
    assert await portal.crm.contacts.list() == before
    assert (await portal.crm.deals.get(801)).stage_id == "EXECUTING"
    assert [c.entity_id for c in await portal.telephony.search_crm_entities("+79990000001")] == [made]
    with pytest.raises(KeyError):
        crm.load({})
    assert len(await portal.crm.contacts.list()) == len(before)


def seeded(**crm: Any) -> SandboxConfig:
    return SandboxConfig(users=[SeedUser(id=1, name="Anna")], crm=SeedCrm.model_validate(crm))


def test_a_wrong_crm_is_refused_with_what_is_wrong() -> None:
    twin = {"id": 5, "assigned_by": 1}
    with pytest.raises(ValueError, match=r"crm\.deals: two have the same id"):
        seeded(deals=[twin, twin])
    with pytest.raises(ValueError, match=r"crm\.leads: 5 is assigned to user 9"):
        seeded(leads=[{"id": 5, "assigned_by": 9}])
    with pytest.raises(ValueError, match="greater than or equal to 128"):
        seeded(types=[{"entity_type_id": 5, "title": "x"}])
    with pytest.raises(ValueError, match="CONTACT 5 is there twice"):
        SandboxConfig(
            users=[SeedUser(id=1, name="Anna")],
            clients=[SeedClient(id=5, name="x", assigned_by=1)],
            crm=SeedCrm(contacts=[SeedItem(id=5, assigned_by=1)]),
        )
