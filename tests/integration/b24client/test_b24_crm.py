"""The client's CRM groups against the sandbox: clients, deals, smart processes, directories."""

from __future__ import annotations

import pytest
from b24_office import Office, Opens

from b24client import (
    BadReply,
    CrmMode,
    EntityType,
    FinishCall,
    Portal,
    Priority,
    Refused,
    RegisterCall,
    StatusCode,
)
from b24client.sandbox import SandboxConfig
from b24client.sandbox.crm_fields import COMPANY, CONTACT, LEAD

CALLER = "+79990000001"


@pytest.fixture
async def portal(office: Office) -> Portal:
    return await office.installed()


def incoming(number: str = CALLER) -> RegisterCall:
    return RegisterCall.model_validate(
        {"user_id": 11, "phone_number": number, "type": 2, "external_call_id": "pbx-1", "crm_create": True}
    )


def ended(call_id: str, user_id: int) -> FinishCall:
    return FinishCall(call_id=call_id, user_id=user_id, duration=30, status_code=StatusCode.SUCCESS)


async def test_a_contact_that_telephony_finds_is_the_one_the_lists_show(portal: Portal) -> None:
    (client, *_) = await portal.telephony.search_crm_entities("+79161234567")
    (contact,) = await portal.crm.contacts.list({"ID": client.entity_id})
    assert (client.entity_type, contact.name, contact.assigned_by_id) == ("CONTACT", client.name, 11)
    assert [phone.value for phone in contact.phones] == ["+7 916 123-45-67"]
    assert contact.date_create is not None

    await portal.crm.contacts.update(contact.id, {"ASSIGNED_BY_ID": 13})
    assert (await portal.telephony.search_crm_entities("+79161234567"))[0].assigned_by_id == 13


async def test_a_number_is_found_by_filter_only_as_it_is_written(portal: Portal) -> None:
    assert [c.id for c in await portal.crm.contacts.list({"PHONE": "+7 916 123-45-67"}, ["ID"])] == [501]
    assert await portal.crm.contacts.list({"PHONE": "+79161234567"}, ["ID"]) == []


async def test_the_life_of_a_contact(portal: Portal) -> None:
    contacts = portal.crm.contacts
    number = {"VALUE": CALLER, "VALUE_TYPE": "MOBILE"}
    made = await contacts.add({"NAME": "Pavel", "LAST_NAME": "Novikov", "COMPANY_ID": 601, "PHONE": [number]})
    contact = await contacts.get(made)
    assert (contact.name, contact.company_id, contact.assigned_by_id) == ("Pavel Novikov", 601, 1)
    (phone,) = contact.phones
    assert (phone.value, phone.value_type, phone.type_id) == (CALLER, "MOBILE", "PHONE")

    await contacts.update(made, {"PHONE": [{"ID": phone.id, "VALUE": "+79990000002"}, {"VALUE": "+79990000003"}]})
    assert [entry.value for entry in (await contacts.get(made)).phones] == ["+79990000002", "+79990000003"]
    assert await portal.telephony.search_crm_entities(CALLER) == []
    await contacts.update(made, {"PHONE": [{"ID": phone.id, "VALUE": ""}]})
    assert [entry.value for entry in (await contacts.get(made)).phones] == ["+79990000003"]

    await contacts.delete(made)
    with pytest.raises(Refused, match="Not found"):
        await contacts.get(made)
    assert await portal.telephony.search_crm_entities("+79990000003") == []


async def test_companies_leads_and_deals_read_alike(portal: Portal) -> None:
    (company,) = await portal.crm.companies.list({"%TITLE": "vektor"})
    assert (company.id, company.assigned_by_id, len(company.phones)) == (601, 12, 2)
    (lead,) = await portal.crm.leads.list({"STATUS_SEMANTIC_ID": "P"})
    assert (lead.id, lead.title, lead.status_id) == (701, "Web form: Maria", "NEW")
    open_deal, won = await portal.crm.deals.list()
    assert (open_deal.contact_id, open_deal.opportunity, open_deal.closed) == (501, 125000.0, False)
    assert (won.category_id, won.stage_semantic_id, won.closed) == (3, "S", True)
    assert [deal.id for deal in await portal.crm.deals.list({"CLOSED": "N"}, ["ID"])] == [801]


async def test_who_belongs_to_whom(portal: Portal) -> None:
    assert [(link.contact_id, link.is_primary) for link in await portal.crm.deal_contacts(802)] == [(502, True)]
    assert [link.company_id for link in await portal.crm.contact_companies(502)] == [601]
    assert [link.contact_id for link in await portal.crm.company_contacts(601)] == [502]
    await portal.crm.items(EntityType.DEAL).update(802, {"contactIds": [501, 502]})
    links = await portal.crm.deal_contacts(802)
    assert [(link.contact_id, link.is_primary) for link in links] == [(501, True), (502, False)]
    with pytest.raises(Refused, match="Not found"):
        await portal.crm.deal_contacts(1)


async def test_the_manager_of_the_active_deal(portal: Portal) -> None:
    deals = portal.crm.items(EntityType.DEAL)
    made = await deals.add({"title": "Ink", "contactId": 501, "assignedById": 12})
    deal = await deals.latest({"contactId": 501, "closed": "N"})
    assert deal is not None
    assert (deal.id, deal.assigned_by_id) == (made.id, 12)
    await deals.update(made.id, {"stageId": "LOSE"})
    deal = await deals.latest({"contactId": 501, "closed": "N"})
    assert deal is not None
    assert deal.assigned_by_id == 13
    assert await deals.latest({"contactId": 999}) is None


async def test_a_smart_process_is_found_by_its_type_and_kept(portal: Portal) -> None:
    (kind,) = await portal.crm.types()
    assert (kind.title, kind.entity_type_id) == ("Equipment", 1036)
    equipment = portal.crm.items(kind.entity_type_id)
    made = await equipment.add({"title": "Scanner", "contactId": 501, "ufCrm5Serial": "77-1", "parentId2": 801})
    (item,) = await equipment.list({"ufCrm5Serial": "77-1"})
    assert (item.id, item.name, item.contact_ids) == (made.id, "Scanner", [501])
    assert (item.fields["ufCrm5Serial"], item.fields["parentId2"]) == ("77-1", 801)
    stages = [status.status_id for status in await portal.crm.statuses(f"DYNAMIC_1036_STAGE_{item.category_id}")]
    changed = await equipment.update(item.id, {"stageId": stages[-1]})
    assert changed.stage_id == stages[-1]
    await equipment.delete(item.id)
    assert [item.id for item in await equipment.list()] == [1]


async def test_the_universal_methods_know_contacts_with_their_numbers(portal: Portal) -> None:
    contacts = portal.crm.items(EntityType.CONTACT)
    made = await contacts.add(
        {"name": "Nina", "lastName": "Belova", "fm": [{"typeId": "PHONE", "valueType": "WORK", "value": CALLER}]}
    )
    assert (made.name, made.phones, made.entity_type_id) == ("Nina Belova", [CALLER], 3)
    assert (await contacts.get(made.id)).multifields == made.multifields
    assert [item.phones for item in await contacts.list({"id": made.id}, ["*"])] == [[CALLER]]
    assert [item.phones for item in await contacts.list({"id": made.id})] == [[]]
    number = made.multifields[0].id
    changed = await contacts.update(made.id, {"fm": {str(number): {"typeId": "PHONE", "value": "+79990000005"}}})
    assert changed.phones == ["+79990000005"]


async def test_filters_may_be_nested(portal: Portal) -> None:
    deals = portal.crm.items(EntityType.DEAL)
    either = {"0": {"logic": "OR", "0": {"stageId": "EXECUTING"}, "1": {">opportunity": 1_000_000}}}
    assert [deal.id for deal in await deals.list(either)] == [801]
    assert [deal.id for deal in await deals.list({"logic": "OR", "0": {"categoryId": 3}, "1": either})] == [801, 802]
    with pytest.raises(Refused, match="field 'phone' is not allowed in filter"):
        await deals.list({"phone": "1"})


async def test_what_fields_there_are(portal: Portal) -> None:
    legacy = await portal.crm.contacts.fields()
    assert legacy["PHONE"].type == "crm_multifield"
    assert legacy["ID"].is_read_only
    fields = await portal.crm.items(EntityType.LEAD).fields()
    assert fields["assignedById"].type == "user"
    assert fields["fm"].is_multiple


async def test_directories_and_pipelines(portal: Portal) -> None:
    sources = await portal.crm.statuses("SOURCE")
    assert "CALL" in [source.status_id for source in sources]
    stages = await portal.crm.statuses("DEAL_STAGE_3")
    assert [stage.status_id for stage in stages if stage.semantics == "S"] == ["C3:WON"]
    assert stages == sorted(stages, key=lambda stage: stage.sort)
    assert len(await portal.crm.statuses()) > len(sources) + len(stages)
    categories = await portal.crm.categories(EntityType.DEAL)
    assert {(category.id, category.is_default) for category in categories} == {(0, True), (3, False)}
    with pytest.raises(Refused, match="not supported"):
        await portal.crm.categories(EntityType.CONTACT)


async def test_who_has_a_number(portal: Portal) -> None:
    find = portal.crm.duplicates.find_by_comm
    assert (await find("PHONE", ["+7 (916) 123-45-67#404812"])).contacts == (501,)
    assert not await find("PHONE", ["8 916 123-45-67"])  # numbers are compared as they are written
    found = await find("PHONE", ["89161234567", "79161234567", "+79031112233", "+74951234500"])
    assert (found.contacts, found.leads, found.companies) == ((501,), (701,), (601,))
    assert (await find("PHONE", ["+79031112233"], "CONTACT")).leads == ()
    assert (await find("EMAIL", ["OLGA@vektor.example"])).contacts == (502,)
    assert not await find("PHONE", [])


async def test_many_numbers_ride_in_few_requests(office: Office, portal: Portal) -> None:
    numbers = [f"+7999000{index:04d}" for index in range(1045)]
    for index in (0, 21, 1044):
        await portal.crm.leads.add({"TITLE": "x", "PHONE": [{"VALUE": numbers[index]}]})
    before = office.sandbox.journal.requests
    found = await portal.crm.duplicates.find_by_comm("PHONE", numbers, priority=Priority.SYNC)
    assert len(found.leads) == 3
    assert office.sandbox.journal.requests - before == 2


async def test_a_portal_that_has_found_enough_leads_is_asked_for_the_rest(office: Office, portal: Portal) -> None:
    phones = [{"TYPE_ID": "PHONE", "VALUE": CALLER}]
    leads = [office.sandbox.crm.add(LEAD, {}, phones, 1).id for _ in range(20)]
    contact = office.sandbox.crm.add(CONTACT, {}, phones, 1).id
    company = office.sandbox.crm.add(COMPANY, {}, phones, 1).id
    found = await portal.crm.duplicates.find_by_comm("PHONE", [CALLER])
    assert (list(found.leads), found.contacts, found.companies) == (leads, (contact,), (company,))


async def test_a_lead_made_for_a_call_is_in_the_lists_and_goes_to_who_talked(portal: Portal) -> None:
    assert await portal.crm.mode() is CrmMode.CLASSIC
    call = await portal.telephony.register(incoming())
    assert call.crm_created_lead is not None
    lead = await portal.crm.leads.get(call.crm_created_lead)
    assert (lead.assigned_by_id, lead.source_id) == (11, "CALL")
    assert [phone.value for phone in lead.phones] == [CALLER]
    await portal.telephony.finish(ended(call.call_id, 12))
    assert (await portal.crm.leads.get(lead.id)).assigned_by_id == 12


async def test_without_leads_a_caller_becomes_a_contact_with_a_deal(open_office: Opens) -> None:
    def simple(config: SandboxConfig) -> None:
        config.crm.mode = "simple"

    portal = await (await open_office(simple)).installed()
    assert await portal.crm.mode() is CrmMode.SIMPLE
    call = await portal.telephony.register(incoming())
    assert call.crm_created_lead is None
    assert [made.entity_type for made in call.crm_created_entities] == ["CONTACT", "DEAL"]
    contact, deal = (made.entity_id for made in call.crm_created_entities)
    assert (call.crm_entity_type, call.crm_entity_id) == ("CONTACT", contact)
    await portal.telephony.finish(ended(call.call_id, 13))
    assert deal is not None
    made = await portal.crm.deals.get(deal)
    assert (made.contact_id, made.assigned_by_id, made.stage_id) == (contact, 13, "NEW")
    again = await portal.telephony.register(incoming().model_copy(update={"external_call_id": "pbx-2"}))
    assert (again.crm_entity_id, again.crm_created_entities) == (contact, [])


async def test_a_lead_removed_during_its_call_hurts_nobody(portal: Portal) -> None:
    call = await portal.telephony.register(incoming())
    assert call.crm_created_lead is not None
    await portal.crm.leads.delete(call.crm_created_lead)
    await portal.telephony.finish(ended(call.call_id, 12))
    assert await portal.crm.leads.list({"PHONE": CALLER}) == []


async def test_a_long_list_takes_few_requests_and_tells_its_progress(office: Office, portal: Portal) -> None:
    for number in range(700):
        office.sandbox.crm.add(CONTACT, {"NAME": f"C{number}"}, (), 1)
    before, told = office.sandbox.journal.requests, []
    rows = [
        contact
        async for contact in portal.crm.contacts.iterate(
            {"%NAME": "C"}, ["NAME"], progress=lambda read, total: told.append((read, total))
        )
    ]
    assert [contact.first_name for contact in rows] == [f"C{number}" for number in range(700)]
    assert told[-1] == (700, 700)
    assert office.sandbox.journal.requests - before == 4
    items = portal.crm.items(EntityType.CONTACT)
    assert len([item async for item in items.iterate({"%name": "C"}, ["name"])]) == 700


@pytest.mark.parametrize("answer", ['{"result": "x"}', '{"result": 3.5}', '{"result": {"items": [1], "LEAD": 5}}'])
async def test_an_answer_of_another_shape_is_an_error_that_names_the_method(office: Office, answer: str) -> None:
    portal = await office.by_webhook()
    office.trouble(kind="error", status=200, body=answer)
    items = portal.crm.items(EntityType.DEAL)
    for method, asking in (
        ("crm.item.get", items.get(1)),
        ("crm.item.list", items.latest()),
        ("crm.item.fields", items.fields()),
        ("crm.contact.get", portal.crm.contacts.get(1)),
        ("crm.contact.add", portal.crm.contacts.add({})),
        ("crm.settings.mode.get", portal.crm.mode()),
        ("crm.deal.contact.items.get", portal.crm.deal_contacts(1)),
        ("crm.duplicate.findbycomm", portal.crm.duplicates.find_by_comm("PHONE", ["1"])),
    ):
        with pytest.raises(BadReply, match=method):
            await asking
