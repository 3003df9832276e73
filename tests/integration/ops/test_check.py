"""`stasis-app check` on machines where one thing or another is wrong."""

from pathlib import Path

import pytest
from aiohttp import encode_basic_auth, web
from pydantic import SecretStr

from b24client import MemoryTokenStore, OAuthTokens
from b24client.sandbox import SANDBOX, SandboxConfig, SeedUser, create_sandbox
from stasis_app.ops import Finding, Severity, Surroundings, run_checks
from stasis_app.portal import connect
from stasis_app.settings import (
    AsteriskSettings,
    Bitrix24Settings,
    EmployeeSettings,
    HttpSettings,
    RecordingSettings,
    RoutingSettings,
    Settings,
    StorageSettings,
)

PLAN = """
[plan]
name = "Test"
default = "hello"

[elements.hello]
type = "say"
prompts = ["hello-world"]
next = "group"

[elements.group]
type = "ring"
targets = ["101"]
on_no_answer = "bye"

[elements.bye]
type = "hangup"
"""


class Asterisk:
    """ARI as far as the checks ask it. Whatever is in `answers` goes before the healthy answer."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, object]] = {}
        self.version = "22.10.1"
        self.read_only = False
        self.endpoints = ["101", "102", "trunk"]
        self.freepbx_context = True  # whether the dialplan has it
        self.asked = ""

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/ari/{path:.*}", self.answer)
        return app

    async def answer(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != encode_basic_auth("stasis", "secret"):
            return web.json_response({"message": "Authentication required"}, status=401)
        path = request.match_info["path"]
        if path in self.answers:
            status, body = self.answers[path]
            return web.json_response(body, status=status)
        if path == "channels" and self.freepbx_context:
            self.asked = (await request.json())["variables"]["__B24_ASKED"]
            return web.json_response({"id": "1.0"})
        if path == "asterisk/variable" and request.query["variable"] == "STASIS_EXTENSION_0":
            return web.json_response({"value": f"{self.asked}|||||"})
        if request.method != "GET":
            return web.json_response({"message": "no"}, status=403 if self.read_only else 404)
        match path:
            case "asterisk/info":
                return web.json_response({"system": {"version": self.version}})
            case "asterisk/ping":
                return web.json_response({"ping": "pong"})
            case "asterisk/modules/res_stasis_snoop.so":
                return web.json_response({"name": "res_stasis_snoop.so", "status": "Running"})
            case "recordings/stored":
                return web.json_response([])
            case "sounds":
                return web.json_response([{"id": "hello-world"}])
            case "endpoints":
                return web.json_response(
                    [{"technology": "PJSIP", "resource": name, "state": "online"} for name in self.endpoints]
                )
            case _:
                return web.json_response({"message": "not found"}, status=404)


class Company:
    """A PBX, a portal and a configuration, all well until a test spoils something."""

    def __init__(self, asterisk: Asterisk, url: str, sandbox, portal: str, folder: Path) -> None:
        self.asterisk, self.sandbox, self.portal_url = asterisk, sandbox, portal
        plan = folder / "plan.toml"
        plan.write_text(PLAN)
        self.settings = Settings(
            asterisk=AsteriskSettings(url=url, username="stasis", password=SecretStr("secret")),
            bitrix24=Bitrix24Settings(
                portal=portal,
                client_id=sandbox.config.app.client_id,
                client_secret=SecretStr(sandbox.config.app.client_secret),
                oauth_url=portal,
                allow_http=True,
            ),
            http=HttpSettings(port=1, public_url="https://pbx.example.com"),
            routing=RoutingSettings(plan=plan),
            storage=StorageSettings(url=f"sqlite+aiosqlite:///{folder}/stasis.sqlite"),
        )

    def change(self, section: str, **values) -> None:
        changed = getattr(self.settings, section).model_copy(update=values)
        self.settings = self.settings.model_copy(update={section: changed})

    async def check(self) -> list[Finding]:
        tokens = MemoryTokenStore()
        if self.settings.bitrix24.is_application:
            granted = self.sandbox.access.grant(1, self.portal_url)
            self.sandbox.access.installed = True
            tokens = MemoryTokenStore(OAuthTokens.from_token_reply(granted))
        async with connect(self.settings.bitrix24, tokens, timeout=5) as portal:
            return await run_checks(self.settings, Surroundings(portal))

    async def wrong(self) -> dict[str, Finding]:
        """What is not well, by its words."""
        return {finding.what: finding for finding in await self.check() if finding.severity is not Severity.OK}


@pytest.fixture
async def company(aiohttp_server, tmp_path):
    users = [
        SeedUser(id=1, name="Anna", extension="101", admin=True),
        SeedUser(id=2, name="Boris", extension="102"),
        SeedUser(id=3, name="Clara", extension="", active=True),
    ]
    asterisk = Asterisk()
    ari = await aiohttp_server(asterisk.app())
    portal = await aiohttp_server(create_sandbox(SandboxConfig(users=users)))
    return Company(
        asterisk,
        str(ari.make_url("")).rstrip("/"),
        portal.app[SANDBOX],
        str(portal.make_url("")).rstrip("/"),
        tmp_path,
    )


async def test_a_well_kept_company_has_nothing_to_mend(company):
    findings = await company.check()

    assert [finding for finding in findings if finding.severity is not Severity.OK] == []
    assert {"asterisk", "application", "recording", "portal", "plan", "employees"} <= {f.check for f in findings}


async def test_an_asterisk_that_is_away(company):
    company.change("asterisk", url="http://127.0.0.1:1")

    wrong = await company.wrong()

    assert list(wrong) == ["http://127.0.0.1:1 does not answer: Connection refused"]
    assert "http.conf" in next(iter(wrong.values())).remedy


async def test_a_wrong_password(company):
    company.change("asterisk", password=SecretStr("other"))

    wrong = await company.wrong()

    assert list(wrong) == ["Asterisk refuses the user name or the password"]
    assert "other" not in str(wrong)


@pytest.mark.parametrize(
    ("version", "severity"),
    [
        ("18.26.0", Severity.ERROR),
        ("20.1.0", Severity.OK),
        ("certified-20.7-cert2", Severity.OK),
        ("GIT-master", "warning"),
    ],
)
async def test_the_version_of_asterisk(company, version, severity):
    company.asterisk.version = version

    first = (await company.check())[0]

    assert first.severity == severity
    assert version in first.what


async def test_rest_over_websocket_that_the_server_does_not_have(company):
    company.asterisk.version = "20.13.0"
    company.change("asterisk", rest_over_websocket=True)

    assert "version 20.13.0 has no REST over websocket" in await company.wrong()


async def test_a_user_who_may_only_read(company):
    company.asterisk.read_only = True

    wrong = await company.wrong()

    assert "read_only=no" in wrong["the user stasis may only read"].remedy


async def test_a_server_that_is_no_ari(company):
    company.asterisk.answers["asterisk/info"] = (200, "welcome")

    assert any("not as ARI does" in what for what in await company.wrong())


async def test_a_name_in_use(company):
    company.asterisk.answers["applications/stasis-app"] = (200, {"name": "stasis-app"})

    assert (await company.wrong())["the name stasis-app is in use"].severity is Severity.WARNING


async def test_recording_without_its_module(company):
    company.asterisk.answers["asterisk/modules/res_stasis_snoop.so"] = (404, {})

    wrong = await company.wrong()

    assert "modules.conf" in wrong["res_stasis_snoop is not loaded: talks can't be recorded"].remedy
    company.change("recording", enabled=False)
    assert await company.wrong() == {}


async def test_an_announcement_to_both_without_its_channel_driver(company):
    company.change("recording", consent=["recorded"], consent_when="connected")

    assert list(await company.wrong()) == ["chan_bridge_media is not loaded: nobody can be told that he is recorded"]


async def test_a_recording_folder_that_is_not_there(company, tmp_path):
    company.settings = company.settings.model_copy(
        update={"recording": RecordingSettings(directory=tmp_path / "nowhere")}
    )

    assert f"there is no folder {tmp_path}/nowhere" in await company.wrong()


async def test_a_prompt_asterisk_does_not_have(company):
    company.asterisk.answers["sounds"] = (200, [{"id": "other"}])

    (finding,) = (await company.wrong()).values()

    assert finding.check == "plan"
    assert "hello-world" in finding.what


async def test_a_plan_with_mistakes(company):
    company.settings.routing.plan.write_text(PLAN.replace('next = "group"', 'next = "grupp"'))

    (finding,) = [f for f in (await company.wrong()).values() if f.severity is Severity.ERROR]

    assert finding.what.startswith('elements.hello.next = "grupp"')
    assert finding.remedy == 'Did you mean "group"?'


async def test_a_portal_that_is_away(company):
    company.change("bitrix24", portal="http://127.0.0.1:1")
    company.portal_url = "http://127.0.0.1:1"

    (finding,) = [f for f in (await company.wrong()).values() if f.check == "portal"]

    assert "127.0.0.1:1 can't be asked" in finding.what


async def test_a_webhook_may_not_register_calls(company):
    secret = company.sandbox.config.webhook.secret
    company.settings = company.settings.model_copy(
        update={
            "bitrix24": Bitrix24Settings(webhook=SecretStr(f"{company.portal_url}/rest/1/{secret}/"), allow_http=True)
        }
    )

    wrong = await company.wrong()

    assert [f.severity for what, f in wrong.items() if "WRONG_AUTH_TYPE" in what] == [Severity.ERROR]
    assert secret not in str(wrong)


async def test_an_application_that_is_not_installed(company):
    async with connect(company.settings.bitrix24, MemoryTokenStore()) as portal:
        findings = await run_checks(company.settings, Surroundings(portal))

    assert any("no tokens" in f.what and f.severity is Severity.ERROR for f in findings)


async def test_without_a_public_address_clicks_do_not_arrive(company):
    company.change("http", public_url="")

    assert "clicks on numbers in the CRM can't reach this service" in await company.wrong()


async def test_employees_and_phones_that_do_not_match(company):
    company.asterisk.endpoints = ["101", "105", "trunk"]

    wrong = await company.wrong()

    assert "no phone in Asterisk has the extension 102" in wrong
    assert "no employee in the portal has the extension 105" in wrong


async def test_the_configurations_word_on_employees_counts(company):
    company.asterisk.endpoints = ["101", "105"]
    company.settings = company.settings.model_copy(update={"employees": [EmployeeSettings(extension="105", user_id=2)]})

    assert await company.wrong() == {}


async def test_an_extension_given_twice(company):
    company.sandbox.people.users[3].extension = "101"

    assert "several employees have the extension 101" in await company.wrong()


async def test_a_clock_that_is_off(company):
    company.asterisk.answers["asterisk/ping"] = (200, {"timestamp": "2020-01-01T00:00:00.000+0000"})

    assert any("off this machine's" in what for what in await company.wrong())


async def test_a_folder_for_the_store_that_is_not_there(company, tmp_path):
    company.change("storage", url=f"sqlite+aiosqlite:///{tmp_path}/var/stasis.sqlite")

    assert f"there is no folder {tmp_path}/var" in await company.wrong()


@pytest.mark.parametrize(("there", "severity"), [(True, Severity.OK), (False, Severity.WARNING)])
async def test_what_freepbx_keeps_is_tried_where_it_is_to_be_followed(company, there, severity):
    company.asterisk.freepbx_context = there
    assert not [finding for finding in await company.check() if finding.check == "FreePBX"]

    company.change("phones", freepbx_settings=True)
    (told,) = [finding for finding in await company.check() if finding.check == "FreePBX"]

    assert told.severity is severity
