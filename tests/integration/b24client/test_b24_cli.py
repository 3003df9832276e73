"""The command line `b24` against a sandbox: what an administrator types and sees."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from b24_office import Office
from typer.testing import CliRunner

from b24client.cli import cli
from b24client.sandbox.crm_fields import CONTACT


@dataclass
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


B24 = Callable[..., Awaitable[Said]]


@pytest.fixture
def b24(office: Office) -> B24:
    """Runs the command beside the sandbox, the webhook in its environment."""

    async def run(*arguments: str, webhook: str | None = office.webhook, stdin: str = "", http: bool = True) -> Said:
        access = ["--allow-http"] if http else []
        environment = {"B24_WEBHOOK": webhook, "B24_WEBHOOK_FILE": None, "B24_CA_FILE": None, "B24_ALLOW_HTTP": None}
        runner = CliRunner(env=environment)
        result = await asyncio.to_thread(runner.invoke, cli, [*access, *arguments], input=stdin)
        said = Said(result.exit_code, result.stdout, result.stderr)
        assert "sandboxsecret" not in said.out + said.err
        assert "Traceback" not in said.err
        return said

    return run


async def test_a_method_is_carried_out_and_its_result_printed(b24: B24) -> None:
    said = await b24("call", "user.get", "filter[UF_PHONE_INNER]=101")
    assert said.code == 0
    assert [user["NAME"] for user in json.loads(said.out)] == ["Boris"]


async def test_a_change_is_made(office: Office, b24: B24) -> None:
    said = await b24("call", "crm.contact.update", "id=501", "fields[ASSIGNED_BY_ID]=12")
    assert (said.code, json.loads(said.out)) == (0, True)
    assert office.sandbox.people.search("+79161234567")[0].assigned_by == 12


async def test_parameters_come_from_a_file_or_from_standard_input(b24: B24, tmp_path: Path) -> None:
    file = tmp_path / "params.json"
    file.write_text('{"entityTypeId": 2, "filter": {"closed": "N"}, "select": ["id"]}')
    said = await b24("call", "crm.item.list", "--json-params", str(file))
    assert json.loads(said.out) == {"items": [{"id": 801}]}
    said = await b24("call", "crm.item.list", "filter[closed]=Y", "--json-params", "-", stdin=file.read_text())
    assert json.loads(said.out) == {"items": [{"id": 802}]}


async def test_a_list_as_lines_of_json(office: Office, b24: B24) -> None:
    for number in range(230):
        office.sandbox.crm.add(CONTACT, {"NAME": f"C{number}"}, [{"TYPE_ID": "PHONE", "VALUE": f"+7{number}"}], 11)
    said = await b24(
        "list", "crm.contact.list", "--select", "ID,PHONE", "--filter", "ASSIGNED_BY_ID=11", "--filter", ">ID=501"
    )
    rows = [json.loads(line) for line in said.out.splitlines()]
    assert (said.code, len(rows)) == (0, 230)
    assert set(rows[0]) == {"ID", "PHONE"}
    assert [int(row["ID"]) for row in rows] == sorted(int(row["ID"]) for row in rows)


async def test_a_list_as_a_table(b24: B24) -> None:
    said = await b24("list", "crm.contact.list", "--select", "ID,LAST_NAME,PHONE", "--csv")
    rows = list(csv.reader(io.StringIO(said.out)))
    assert rows == [
        ["ID", "LAST_NAME", "PHONE"],
        ["501", "Ivanov", "+7 916 123-45-67"],
        ["502", "Smirnova", "+7 495 123-45-02"],
    ]


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (["user.get"], 5),
        (["user.get", "--filter", "ACTIVE=true"], 4),
        (["user.get", "filter[ACTIVE]=true"], 4),
        (["crm.item.list", "entityTypeId=1036"], 1),
        (["crm.status.list", "--filter", "ENTITY_ID=STATUS"], 5),
        (["crm.category.list", "entityTypeId=2"], 2),
        (["crm.type.list"], 1),
        (["voximplant.statistic.get"], 0),
        (["crm.deal.contact.items.get", "id=802"], 1),
        (["crm.lead.list", "--most", "0"], 1),
        (["user.get", "--most", "2"], 2),
    ],
)
async def test_the_habits_of_lists_are_known(b24: B24, arguments: list[str], count: int) -> None:
    said = await b24("list", *arguments)
    assert (said.code, said.err) == (0, "")
    assert len(said.out.splitlines()) == count


async def test_the_limits_and_the_working_time_used(b24: B24) -> None:
    said = await b24("limits")
    assert said.code == 0
    assert "2 a second, 50 at once" in said.out
    assert "not told to a webhook" in said.out
    assert "crm.contact.list" in said.out
    told = json.loads((await b24("--enterprise", "limits", "profile", "no.such.list", "--json")).out)
    assert (told["rate"], told["burst"]) == (5.0, 250)
    known, unknown = told["methods"]
    assert (known["method"], known["operating"] >= 0, 500 <= known["reset_in"] <= 600) == ("profile", True, True)
    assert unknown["problem"] == "Method not found!"


async def test_only_what_reads_is_tried_for_the_limits(office: Office, b24: B24) -> None:
    said = await b24("limits", "crm.contact.delete")
    assert (said.code, office.sandbox.journal.requests) == (2, 0)
    assert "crm.contact.delete" in said.err


async def test_methods_and_permissions(b24: B24) -> None:
    said = await b24("methods", "crm.*.list")
    assert "crm.contact.list" in said.out.splitlines()
    assert "crm.contact.get" not in said.out.splitlines()
    assert "crm.contact.get" in (await b24("methods", "Contact")).out.splitlines()
    assert (await b24("methods", "nothing.like.this")).code == 1
    assert "telephony" in (await b24("scope")).out.splitlines()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["call", "no.such.method"], "the portal lacks this method"),
        (["call", "telephony.externalCall.register"], "needs an installed application"),
        (["call", "crm.contact.get", "id=9"], "crm.contact.get: Not found"),
        (["list", "crm.item.list", "entityTypeId=5"], "SPA not found"),
    ],
)
async def test_a_portals_no_is_one_line_with_a_remedy(b24: B24, arguments: list[str], told: str) -> None:
    said = await b24(*arguments)
    assert (said.code, said.out) == (1, "")
    assert told in said.err
    assert len(said.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["call", "user.get", "filter"], "'filter': not of the form key=value"),
        (["call", "user.get", "filter[ID=1"], "brackets"),
        (["call", "id=5"], "'id=5' is not a method's name"),
        (["call", "https://example.bitrix24.com/rest/1/sandboxsecret/profile"], "a method's name is expected"),
        (["call", "user.get", "--json-params", "/does/not/exist"], "/does/not/exist: No such file"),
        (["list", "user.get", "--csv", "--jsonl"], "exclude each other"),
        (["list", "user.get", "--filter", "ID"], "--filter 'ID': not of the form"),
        (["list", "user.get", "filter=ID"], "filter: conditions are named"),
        (["--webhook-file", "/does/not/exist", "scope"], "/does/not/exist: No such file"),
        (["--ca-file", __file__, "scope"], "not a certificate"),
    ],
)
async def test_wrong_usage_names_what_is_wrong(office: Office, b24: B24, arguments: list[str], told: str) -> None:
    said = await b24(*arguments)
    assert (said.code, said.out) == (2, "")
    assert told in said.err
    assert office.sandbox.journal.requests == 0


async def test_the_webhook_is_never_taken_from_the_command_line(office: Office, b24: B24, tmp_path: Path) -> None:
    assert "--webhook-file" in (await b24("scope", webhook=None)).err
    file = tmp_path / "webhook"
    file.write_text(office.webhook + "\n")
    file.chmod(0o600)
    said = await b24("--webhook-file", str(file), "scope", webhook=None)
    assert (said.code, said.err) == (0, "")
    file.chmod(0o644)
    assert "can be read by others" in (await b24("--webhook-file", str(file), "scope", webhook=None)).err
    assert (await b24("--webhook-file", "-", "scope", webhook=None, stdin=office.webhook)).code == 0


async def test_a_wrong_webhook_is_told_without_its_secret(office: Office, b24: B24) -> None:
    said = await b24("scope", webhook="https://example.bitrix24.com/sandboxsecret")
    assert (said.code, "not the address of an incoming webhook" in said.err) == (2, True)
    said = await b24("scope", webhook=f"{office.url}/rest/1/anothersecret/")
    assert said.code == 1
    assert "anothersecret" not in said.err
    assert "check the webhook address" in said.err


async def test_an_address_without_tls_needs_leave(b24: B24) -> None:
    said = await b24("scope", http=False)
    assert said.code == 2
    assert "--allow-http" in said.err


async def test_a_list_that_breaks_off_says_so(office: Office, b24: B24) -> None:
    for number in range(60):
        office.sandbox.crm.add(CONTACT, {"NAME": f"C{number}"}, (), 11)
    office.trouble(kind="error", status=403, code="ACCESS_DENIED", description="no more", methods=["batch"])
    office.trouble(kind="error", status=403, code="ACCESS_DENIED", description="no more", methods=["crm.lead.list"])
    assert len((await b24("list", "crm.contact.list")).out.splitlines()) == 62  # a portal without batches
    said = await b24("list", "crm.lead.list", "--csv")
    assert said.code == 1
    assert "the list is not whole, it ends after 0 rows" in said.err


async def test_a_portal_that_is_away_is_told(b24: B24) -> None:
    said = await b24("call", "profile", webhook="http://127.0.0.1:9/rest/1/sandboxsecret/")
    assert said.code == 1
    assert "no connection to the portal" in said.err
    assert "try again later" in said.err


async def test_it_is_a_program(office: Office) -> None:
    environment = {**os.environ, "B24_WEBHOOK": office.webhook}
    command = [sys.executable, "-m", "b24client.cli", "--allow-http", "list", "user.get", "--select", "ID"]
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, env=environment, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 5


async def test_who_reads_only_the_beginning_gets_no_complaint(office: Office) -> None:
    for number in range(3000):
        office.sandbox.crm.add(CONTACT, {"NAME": f"C{number}"}, (), 11)
    command = f"{sys.executable} -m b24client.cli --allow-http list crm.contact.list | head -n 1"
    environment = {**os.environ, "B24_WEBHOOK": office.webhook}
    done = await asyncio.to_thread(
        subprocess.run, command, shell=True, capture_output=True, text=True, env=environment, timeout=60, check=False
    )
    assert (done.stderr, len(done.stdout.splitlines())) == ("", 1)


def _typed(command: list[str], answer: bytes, environment: dict[str, str]) -> tuple[int, str]:
    """What a program shows on a terminal on which somebody types `answer` when asked."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    ) as program:
        os.close(theirs)
        shown = b""
        asked = True
        while True:
            try:
                part = os.read(ours, 65_536)
            except OSError:  # the program has closed its side
                break
            shown += part
            if asked and b"webhook: " in shown:
                os.write(ours, answer + b"\n")
                asked = False
        code = program.wait(timeout=60)
    os.close(ours)
    return code, shown.decode("utf-8", "replace")


async def test_on_a_terminal_the_webhook_is_asked_for_unseen_and_a_bar_shows_how_far_a_list_is(office: Office) -> None:
    for number in range(120):
        office.sandbox.crm.add(CONTACT, {"NAME": f"C{number}"}, (), 11)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("B24_")}
    command = [sys.executable, "-m", "b24client.cli", "--allow-http", "list", "crm.contact.list", "--select", "NAME"]
    code, shown = await asyncio.to_thread(
        _typed, command, office.webhook.encode(), {**environment, "TERM": "xterm", "COLUMNS": "100"}
    )
    assert code == 0
    assert "sandboxsecret" not in shown
    assert "122/122" in shown
    assert "122 rows" in shown


async def test_the_help_says_where_the_webhook_comes_from(b24: B24) -> None:
    assert "B24_WEBHOOK" in (await b24("--help")).out
    assert "--most" in (await b24("list", "--help")).out
