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
