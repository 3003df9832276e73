"""The administrator at his terminal."""

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stasis_app import __version__
from stasis_app.cli.commands import app
from stasis_app.crm import Extensions
from stasis_app.settings import StorageSettings
from stasis_app.store import open_store

ROOT = Path(__file__).parents[3]
SAMPLE = str(ROOT / "contrib" / "stasis.example.toml")


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Runs a command in an empty folder; gives exit code, output and complaints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("STASIS_CONFIG", raising=False)
    monkeypatch.setenv("STASIS_ASTERISK__URL", "http://127.0.0.1:1")

    def run(*arguments: str):
        return CliRunner().invoke(app, list(arguments))

    return run


def test_the_version(run):
    assert run("--version").stdout == f"stasis-app {__version__}\n"
    assert run("version").stdout == f"stasis-app {__version__}\n"


def test_without_a_configuration_one_is_asked_for(run):
    result = run("check")

    assert result.exit_code == 2
    assert "contrib/stasis.example.toml" in result.stderr


@pytest.mark.parametrize("command", ["run", "check", "calls", "outbox", "recordings missing"])
def test_a_wrong_configuration_is_told_whole_with_code_2(run, tmp_path, monkeypatch, command):
    monkeypatch.delenv("STASIS_ASTERISK__URL")
    (tmp_path / "stasis.toml").write_text('[asterisk]\npassword = "hush"\nurl = "x"\n')

    result = run(*command.split())

    assert result.exit_code == 2
    for key in ("asterisk.username", "asterisk.url", "bitrix24.webhook", "routing.plan"):
        assert key in result.stderr
    assert "hush" not in result.output


def test_a_good_plan(run):
    result = run("plan", "validate", "-c", SAMPLE)

    assert result.exit_code == 0
    assert "The plan is good" in result.stdout


def test_a_plan_with_mistakes_is_told_with_code_2(run, tmp_path):
    (tmp_path / "stasis.toml").write_text(Path(SAMPLE).read_text().replace("plan.example.toml", "plan.toml"))
    plan = (ROOT / "contrib" / "plan.example.toml").read_text()
    (tmp_path / "plan.toml").write_text(plan.replace('on_timeout = "sales"', 'on_timeout = "salse"'))

    result = run("plan", "validate")
    as_json = run("plan", "validate", "--json")

    assert (result.exit_code, as_json.exit_code) == (2, 2)
    assert 'elements.menu.on_timeout = "salse"' in result.stderr
    answer = json.loads(as_json.stdout)
    assert answer["usable"] is False
    assert answer["problems"][0]["key"] == "on_timeout"


def test_explain_foretells_the_way_even_with_everything_away(run):
    result = run("plan", "explain", "8 (916) 123-45-67", "--line", "74951230000", "-c", SAMPLE, "--json")

    assert result.exit_code == 0
    foretold = json.loads(result.stdout)
    assert foretold["entry"] == {"element": "known", "why": "line Sales"}
    assert [step["element"] for step in foretold["path"]][:2] == ["known", "menu"]


@pytest.fixture
def database(run, monkeypatch, tmp_path) -> Path:
    """The service's database, which is not there yet."""
    monkeypatch.setenv("STASIS_STORAGE__URL", f"sqlite+aiosqlite:///{tmp_path}/stasis.sqlite")
    return tmp_path / "stasis.sqlite"


async def _employee_sets(database: Path, extension: str, **settings: object) -> None:
    """As the service keeps what an employee dialled."""
    store = await open_store(StorageSettings(url=f"sqlite+aiosqlite:///{database}"))
    assert await Extensions(store.meta).change(extension, **settings)
    await store.close()


def test_explain_knows_what_employees_have_set_by_the_services_codes(run, database):
    asyncio.run(_employee_sets(database, "101", forward_always="105"))

    result = run("plan", "explain", "89161234567", "-c", SAMPLE, "--json")
    for_people = run("plan", "explain", "89161234567", "-c", SAMPLE)

    (sales,) = (step for step in json.loads(result.stdout)["path"] if step["element"] == "sales")
    (forward,) = sales["settings"]
    assert (forward["extension"], forward["name"], forward["to"], forward["set_by"]) == (
        "101",
        "forward_always",
        "105",
        "service",
    )
    assert "101 forwards all calls to 105: set by the service's codes or over its API" in for_people.stdout
    assert "not known" not in result.stderr


def test_explain_says_that_there_is_no_database_and_goes_on(run, database):
    result = run("plan", "explain", "89161234567", "-c", SAMPLE, "--json")

    assert "set by the service's codes is not known: there is no database yet" in result.stderr
    assert json.loads(result.stdout)["path"]
    assert not database.exists()


def test_explain_says_that_the_database_is_none_and_goes_on(run, database):
    database.write_bytes(b"no database" * 100)

    result = run("plan", "explain", "89161234567", "-c", SAMPLE, "--json")

    assert "set by the service's codes is not known: [storage] url" in result.stderr
    assert json.loads(result.stdout)["path"]


def test_explain_says_that_what_is_kept_can_not_be_read_and_goes_on(run, database):
    asyncio.run(_employee_sets(database, "101", forward_always="105"))
    with sqlite3.connect(database) as opened:
        opened.execute("DROP TABLE meta")

    result = run("plan", "explain", "89161234567", "-c", SAMPLE, "--json")

    assert "set by the service's codes is not known: OperationalError" in result.stderr
    assert json.loads(result.stdout)["path"]


def _with_trunks(tmp_path: Path) -> str:
    sample = Path(SAMPLE).read_text().replace("plan.example.toml", str(ROOT / "contrib" / "plan.example.toml"))
    lines = [line for line in sample.splitlines() if not line.startswith("trunk = ")]
    trunks = """
[[trunks]]
name = "mobile"
endpoint = "PJSIP/{number}@gsm"
prefixes = ["+79"]
rewrite = [{ prefix = "8", strip = 1, prepend = "+7" }]
[[trunks]]
name = "main"
endpoint = "PJSIP/{number}@main"
caller_id = "74951112233"
[[employees]]
extension = "101"
user_id = 12
caller_id = "74951112201"
"""
    path = tmp_path / "stasis.toml"
    path.write_text("\n".join(lines) + trunks)
    return str(path)


def test_explain_tells_the_trunks_an_outside_number_goes_by(run, tmp_path):
    config = _with_trunks(tmp_path)
    result = run("plan", "explain", "89161234567", "--outbound", "--extension", "101", "-c", config, "--json")
    for_people = run("plan", "explain", "89161234567", "--outbound", "-c", config)
    nowhere = run("plan", "explain", "89161234567", "--outbound", "--line", "7", "-c", config)

    assert result.exit_code == 0
    assert json.loads(result.stdout)["attempts"] == [
        {
            "trunk": "mobile",
            "endpoint": "PJSIP/+79161234567@gsm",
            "number": "+79161234567",
            "caller_id": "74951112201",
        },
        {"trunk": "main", "endpoint": "PJSIP/89161234567@main", "number": "89161234567", "caller_id": "74951112201"},
    ]
    assert "1. trunk mobile dials +79161234567" in for_people.stdout
    assert "2. trunk main dials 89161234567, showing 74951112233" in for_people.stdout
    assert "Line 7 is neither in the plan nor in [[trunks]]" in nowhere.stdout


def test_lists_are_empty_before_the_first_call(run, monkeypatch):
    monkeypatch.setenv("STASIS_HTTP__PORT", "1")

    for command in (("calls",), ("calls", "--past"), ("outbox",)):
        result = run(*command, "-c", SAMPLE, "--json")
        assert (result.exit_code, json.loads(result.stdout)) == (0, [])


def test_check_says_what_to_mend(run):
    result = run("check", "-c", SAMPLE, "--json")

    assert result.exit_code == 1
    findings = {finding["check"]: finding for finding in json.loads(result.stdout)}
    assert "Connection refused" in findings["asterisk"]["what"]
    assert findings["portal"]["remedy"] == "Install the application in the portal (again)."
