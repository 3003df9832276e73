"""An administrator writes a configuration; what is wrong with it is told all at once, without his secrets."""

from pathlib import Path

import pytest

from stasis_app.settings import ConfigError, ConfigProblem, Settings, load_settings

GOOD = """
[asterisk]
username = "stasis"
password = "ari-secret"

[bitrix24]
portal = "https://example.bitrix24.ru"
client_id = "local.1"
client_secret = "app-secret"

[routing]
plan = "plan.toml"
"""


@pytest.fixture
def write(tmp_path: Path):
    (tmp_path / "plan.toml").touch()

    def write(text: str) -> Path:
        path = tmp_path / "stasis.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def problems(path: Path) -> dict[str, ConfigProblem]:
    with pytest.raises(ConfigError) as told:
        load_settings(path)
    return {problem.key: problem for problem in told.value.problems}


def test_a_good_file_gives_the_settings(write):
    settings = load_settings(write(GOOD))

    assert settings.asterisk.username == "stasis"
    assert settings.asterisk.password.get_secret_value() == "ari-secret"
    assert settings.http.port == 8099


def test_relative_paths_start_at_the_file(write, tmp_path):
    settings = load_settings(write(GOOD + '[logging]\nfile = "log/stasis.log"\n'))

    assert settings.routing.plan == tmp_path / "plan.toml"
    assert settings.logging.file == tmp_path / "log/stasis.log"
    assert settings.storage.url == f"sqlite+aiosqlite:///{tmp_path}/stasis.sqlite"


def test_the_environment_wins_over_the_file(write, monkeypatch):
    monkeypatch.setenv("STASIS_ASTERISK__PASSWORD", "from-the-environment")
    monkeypatch.setenv("STASIS_HTTP__TOKENS", '["one", "two"]')

    settings = load_settings(write(GOOD))

    assert settings.asterisk.password.get_secret_value() == "from-the-environment"
    assert settings.asterisk.username == "stasis"
    assert [token.get_secret_value() for token in settings.http.tokens] == ["one", "two"]


def test_all_that_is_wrong_is_told_at_once(write):
    told = problems(
        write("""
[asterisk]
usrname = "stasis"
password = "ari-secret"
url = "asterisk:8088"

[bitrix24]
lookup_budget = "soon"

[http]
host = "0.0.0.0"
port = 99999

[routing]
plan = "missing.toml"
country = "Russia"

[[employees]]
extension = "one"
user_id = 12
""")
    )

    assert set(told) >= {
        "asterisk.username",
        "asterisk.usrname",
        "bitrix24.lookup_budget",
        "bitrix24.webhook",
        "http.port",
        "http.tokens",
        "routing.country",
        "routing.plan",
        "employees.0.extension",
    }
    assert told["asterisk.usrname"].remedy == "Did you mean username?"
    assert told["http.port"].value == "99999"
    assert "at most 65535" in told["http.port"].remedy
    assert told["bitrix24.lookup_budget"].value == "'soon'"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[asterisk]\nusername = "u"\npassword = 12345678\n', "asterisk.password"),
        ('[asterisk]\nusername = "u"\npasword = "12345678"\n', "asterisk.pasword"),
        ("[http]\ntokens = [12345678]\n", "http.tokens.0"),
        ('[bitrix24]\nwebhook = "https://b24.example/12345678"\n', "bitrix24.webhook"),
        ('[asterisk]\nurl = "http://me:12345678@pbx:8088"\nusername = "u"\npassword = "p"\n', "asterisk.url"),
        ('[storage]\nurl = "postgresql://u:12345678@db/x"\n', "storage.url"),
    ],
)
def test_no_secret_is_in_what_is_told(write, text, key):
    with pytest.raises(ConfigError) as told:
        load_settings(write(text))

    assert key in {problem.key for problem in told.value.problems}
    assert "12345678" not in str(told.value)


@pytest.mark.parametrize(
    ("bitrix24", "wrong"),
    [
        ("", {"bitrix24.webhook"}),
        ('portal = "https://b24.example"', {"bitrix24.client_id", "bitrix24.client_secret"}),
        (
            'webhook = "https://b24.example/rest/1/abc/"\nportal = "https://b24.example"',
            {"bitrix24.portal"},
        ),
        ('webhook = "http://b24.example/rest/1/abc/"', {"bitrix24.webhook"}),
        ('portal = "http://b24.example"\nclient_id = "a"\nclient_secret = "b"', {"bitrix24.portal"}),
        ('portal = "b24.example"\nclient_id = "a"\nclient_secret = "b"', {"bitrix24.portal"}),
        ('webhook = "http://b24.example/rest/1/abc/"\nallow_http = true', set()),
        ('webhook = "https://b24.example/rest/1/abc/"', set()),
    ],
)
def test_the_portal_is_reached_in_exactly_one_safe_way(write, bitrix24, wrong):
    text = f'[asterisk]\nusername = "u"\npassword = "p"\n[routing]\nplan = "plan.toml"\n[bitrix24]\n{bitrix24}\n'
    if wrong:
        assert set(problems(write(text))) == wrong
    else:
        load_settings(write(text))


@pytest.mark.parametrize(
    ("http", "wrong"),
    [
        ('host = "192.0.2.1"', {"http.tokens"}),
        ('host = "192.0.2.1"\ntokens = ["short"]', {"http.tokens.0"}),
        ('host = "192.0.2.1"\ntokens = ["long-enough-to-be-safe"]', set()),
        ('host = "::1"', set()),
        ('host = "localhost"\ntokens = [""]', {"http.tokens.0"}),
        ('public_url = "pbx.example.com"', {"http.public_url"}),
        ('public_url = "http://pbx.example.com"', {"http.public_url"}),
        ('public_url = "https://pbx.example.com:99999"', {"http.public_url"}),
        ('public_url = "https://pbx.example.com"', set()),
    ],
)
def test_who_may_reach_the_service(write, http, wrong):
    text = f"{GOOD}\n[http]\n{http}\n"
    if wrong:
        assert set(problems(write(text))) == wrong
    else:
        load_settings(write(text))


def test_recordings_can_be_fetched_only_where_the_portal_reaches_us(write):
    by_url = GOOD + '\n[recording]\ndeliver = "url"\n'
    told = problems(write(by_url))
    assert set(told) == {"recording.deliver"}
    assert "http.public_url" in told["recording.deliver"].remedy

    settings = load_settings(write(by_url + '\n[http]\npublic_url = "https://pbx.example.com"\n'))
    assert settings.recording.deliver == "url"
    assert set(problems(write(by_url.replace('"url"', '"pigeon"')))) == {"recording.deliver"}


def test_a_misspelt_section_in_the_environment_is_told(write, monkeypatch):
    monkeypatch.setenv("STASIS_ASTERIX__PASSWORD", "secret-value")

    told = problems(write(GOOD))

    assert told["STASIS_ASTERIX__PASSWORD"].problem == "no such section"
    assert "secret-value" not in str(told["STASIS_ASTERIX__PASSWORD"])


def test_a_list_in_the_environment_must_be_json(write, monkeypatch):
    monkeypatch.setenv("STASIS_HTTP__TOKENS", "secret-one,secret-two")

    with pytest.raises(ConfigError) as told:
        load_settings(write(GOOD))

    assert "as JSON" in str(told.value)
    assert "secret-one" not in str(told.value)


def test_a_missing_or_broken_file_is_told(tmp_path, write):
    with pytest.raises(ConfigError, match="no such file"):
        load_settings(tmp_path / "nowhere.toml")
    with pytest.raises(ConfigError, match="line 1"):
        load_settings(write("[asterisk\n"))
    with pytest.raises(ConfigError, match="asterisk: is not a section"):
        load_settings(write('asterisk = "here"\n'))
    with pytest.raises(ConfigError, match=r"asterik: no such key\. Did you mean asterisk\?"):
        load_settings(write("[asterik]\n"))


def test_secrets_are_known_to_the_log_and_hidden_in_a_repr(write):
    settings = load_settings(write(GOOD + '[storage]\nurl = "mysql+asyncmy://u:db-secret@db/x"\n'))

    assert set(settings.secrets()) == {"ari-secret", "app-secret", "db-secret"}
    assert "ari-secret" not in repr(settings)
    assert isinstance(settings, Settings)


TRUNK = '\n[[trunks]]\nname = "main"\nendpoint = "PJSIP/{number}@main"\n'


def test_trunks_and_who_shows_what(write):
    text = f"""{GOOD}
[outbound]
seconds = 45
auto_answer = "common"
{TRUNK}caller_id = "+74951112233"
rewrite = [{{ prefix = "+7", strip = 2, prepend = "8" }}, {{ prefix = "+", strip = 1, prepend = "810" }}]
[[trunks]]
name = "spare"
endpoint = "PJSIP/{{number}}@spare"
prefixes = ["+79", "00"]
lines = ["74957770000"]
[[employees]]
extension = "101"
user_id = 11
caller_id = "74951112201"
auto_answer = "off"
"""
    settings = load_settings(write(text))

    assert [trunk.name for trunk in settings.trunks] == ["main", "spare"]
    assert [(rule.prefix, rule.strip, rule.prepend) for rule in settings.trunks[0].rewrite] == [
        ("+7", 2, "8"),
        ("+", 1, "810"),
    ]
    assert (settings.outbound.seconds, settings.employees[0].auto_answer) == (45, "off")


@pytest.mark.parametrize(
    ("text", "wrong", "said"),
    [
        ('[[trunks]]\nname = "a b"\nendpoint = "PJSIP/{number}@a"', "trunks.0.name", "pattern"),
        ('[[trunks]]\nname = "a"\nendpoint = "PJSIP/a"', "trunks.0.endpoint", "PJSIP/{number}@trunk"),
        ('[[trunks]]\nname = "a"\nendpoint = "PJSIP/{number}@{x}"', "trunks.0.endpoint", "braces"),
        (TRUNK + 'caller_id = "Firm"', "trunks.0.caller_id", "pattern"),
        (TRUNK + 'prefixes = ["8x"]', "trunks.0.prefixes.0", "pattern"),
        (TRUNK + 'rewrite = [{ prefix = "8", strip = 2 }]', "trunks.0.rewrite.0.strip", "at most 1"),
        (TRUNK + 'rewrite = [{ prefix = "8" }]', "trunks.0.rewrite.0.prefix", "to itself"),
        (
            TRUNK + 'rewrite = [{ prefix = "+7", strip = 2 }, { prefix = "+7495", strip = 5 }]',
            "trunks.0.rewrite.1.prefix",
            "longer prefix first",
        ),
        (TRUNK + TRUNK, "trunks.1.name", "trunks.0.name"),
        (TRUNK + 'lines = ["main"]', "trunks.0.lines", "trunks.0.name"),
        ('[outbound]\nauto_answer = "siemens"', "outbound.auto_answer", "yealink"),
        ('[outbound]\nemergency = ["+112"]', "outbound.emergency.0", "pattern"),
        ("[outbound]\nring = 5", "outbound.ring", "Known here"),
    ],
)
def test_what_is_wrong_with_outbound_calls_is_told(write, text, wrong, said):
    told = problems(write(f"{GOOD}\n{text}\n"))

    assert list(told) == [wrong]
    assert said in str(told[wrong])


def test_one_trunk_and_a_list_of_trunks_exclude_each_other(write):
    told = problems(write(GOOD.replace("[asterisk]", '[asterisk]\ntrunk = "PJSIP/{number}@x"') + TRUNK))

    assert list(told) == ["asterisk.trunk"]
