"""The files written for a run are ones the programs read."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from b24client.sandbox.config import SandboxConfig
from lab.asterisk import Asterisk
from lab.company import Company
from lab.stories import all_stories
from stasis_app.crm import Numbers
from stasis_app.flow.load import examine_plan
from stasis_app.settings import load_settings


def files(folder: Path) -> tuple[Company, dict[str, Path]]:
    company = Company(all_stories())
    pbx: Any = SimpleNamespace(
        url="http://127.0.0.1:8088", password="pw", app="stasis-app", recordings=folder, outbound=None
    )
    return company, company.write(folder, cast(Asterisk, pbx), portal="http://127.0.0.1:8077", http_port=8099)


def test_every_employee_and_client_is_in_the_portal(tmp_path: Path):
    company, written = files(tmp_path)

    portal = SandboxConfig.from_file(written["seed"])

    assert {user.extension for user in portal.users if user.extension} == {a.extension for a in company.accounts}
    assert len(portal.clients) == len(company.contacts)


def test_the_plan_has_no_mistake(tmp_path: Path):
    _, written = files(tmp_path)

    plan, problems = examine_plan(written["plan"], Numbers("RU"))

    assert problems == []
    assert plan is not None


def test_the_configuration_is_accepted(tmp_path: Path):
    _, written = files(tmp_path)

    settings = load_settings(written["stasis"])

    assert settings.routing.plan == written["plan"]


def test_no_two_stories_share_a_number():
    stories = all_stories()

    phones = [phone.number for story in stories for phone in story.phones]
    lines = [line for story in stories for line in story.lines]
    clients = [client.number for story in stories for client in story.clients]

    for numbers in (phones, lines, clients):
        assert len(numbers) == len(set(numbers))
