"""The API is the server's own description of it, reached by the address the service was given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from stasis_app.ari.api import connect_api, server_version
from stasis_app.ari.errors import AriError
from stasis_app.ari.transport import Reply, TwoLaneTransport, basic_auth

BASE = "https://pbx.example:8089/ari"
INFO: dict[str, Any] = {"system": {"version": "22.10.1"}}
# Asterisk writes http:// here whatever the client came by.
OWN_BASE = "http://pbx.example:8089/ari"


def described() -> dict[str, Any]:
    common = {"apiVersion": "9", "swaggerVersion": "1.1", "basePath": OWN_BASE}
    channel = {"name": "channelId", "paramType": "path", "required": True, "dataType": "string"}
    answer = {"httpMethod": "POST", "nickname": "answer", "responseClass": "void", "parameters": [channel]}
    apis = [{"path": "/channels/{channelId}/answer", "description": "Answer", "operations": [answer]}]
    return {
        "asterisk/info": INFO,
        "api-docs/resources.json": common
        | {"apis": [{"path": "/api-docs/channels.{format}", "description": "Channel resources"}]},
        "api-docs/channels.json": common | {"resourcePath": "/api-docs/channels.{format}", "apis": apis, "models": {}},
    }


class Recorded(TwoLaneTransport):
    """Answers from a table and keeps the addresses it was asked for."""

    def __init__(self, answers: dict[str, Any], base: str = BASE) -> None:
        self.answers, self.base = answers, base
        self.urls: list[str] = []

    async def request(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any] | None = None,
        data: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        self.urls.append(url)
        return Reply(200, json.dumps(self.answers.get(url.removeprefix(f"{self.base}/"), {})))


def names_in(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


async def test_over_tls_everything_stays_on_tls() -> None:
    transport = Recorded(described())

    api = await connect_api(transport, BASE, cache=None)
    await api.channels.answer(channelId="1.0")

    assert transport.urls[-1] == f"{BASE}/channels/1.0/answer"
    assert all(url.startswith(BASE) for url in transport.urls)


async def test_a_description_read_before_is_taken_from_disk_and_fits_another_address(tmp_path: Path) -> None:
    cache = tmp_path / "new" / "folder"
    await connect_api(Recorded(described()), BASE, cache)
    transport = Recorded(described(), "http://elsewhere:8088/ari")

    api = await connect_api(transport, "http://elsewhere:8088/ari/", cache)
    await api.channels.answer(channelId="1.0")

    assert transport.urls == [f"http://elsewhere:8088/ari/{path}" for path in ("asterisk/info", "channels/1.0/answer")]


@pytest.mark.parametrize("kept", ["", "half a {", "[]", "{}", '{"apis": 1}', '{"apis": [{"path": "x"}]}'])
async def test_a_damaged_copy_on_disk_is_read_anew(tmp_path: Path, kept: str) -> None:
    (tmp_path / "ari-22.10.1.json").write_text(kept)
    transport = Recorded(described())

    api = await connect_api(transport, BASE, cache=tmp_path)
    await api.channels.answer(channelId="1.0")

    assert f"{BASE}/api-docs/resources.json" in transport.urls
    assert json.loads((tmp_path / "ari-22.10.1.json").read_text())["apis"]


async def test_a_copy_that_can_not_be_kept_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("")

    api = await connect_api(Recorded(described()), BASE, cache=tmp_path / "a-file")

    await api.channels.answer(channelId="1.0")


@pytest.mark.parametrize("info", [[], "text", {"system": "text"}, {"system": None}, None])
async def test_a_server_that_is_no_asterisk(info: object) -> None:
    with pytest.raises(AriError, match="does the URL lead to Asterisk"):
        await server_version(Recorded({"asterisk/info": info}), BASE)


@pytest.mark.parametrize(
    "listing", [{"apis": None}, {}, {"apis": [{"description": "no path"}]}, {"apis": ["no object"]}]
)
async def test_a_description_that_is_none(listing: dict[str, object]) -> None:
    with pytest.raises(AriError, match="does the URL lead to Asterisk"):
        await connect_api(Recorded(described() | {"api-docs/resources.json": listing}), BASE, cache=None)


@pytest.mark.parametrize("version", ["../../etc/passwd", "22.10.1~dfsg+cs6 (a b)", "x" * 300])
async def test_no_version_leads_out_of_the_cache_folder(tmp_path: Path, version: str) -> None:
    await connect_api(Recorded(described() | {"asterisk/info": {"system": {"version": version}}}), BASE, tmp_path)

    (kept,) = names_in(tmp_path)
    assert kept.startswith("ari-")


def test_credentials_as_http_basic() -> None:
    assert basic_auth("Aladdin", "open sesame") == {"Authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}
    assert basic_auth("имя", "пароль:#").keys() == {"Authorization"}
