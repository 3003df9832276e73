"""The administrator at his terminal."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stasis_app import __version__
from stasis_app.cli import app

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
