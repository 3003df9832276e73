"""The examples of docs/b24client.md and docs/sandbox.md run against the sandbox."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
from b24_office import Office, talk

import b24client

DOCS = Path(__file__).parents[3] / "docs"
EXAMPLES = [
    pytest.param(page, example, id=f"{page}-{number}")
    for page in ("b24client.md", "sandbox.md")
    for number, example in enumerate(
        re.findall(r"^```python\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL), 1
    )
]


@pytest.mark.parametrize(("page", "example"), EXAMPLES)
async def test_an_example_runs(office: Office, tmp_path: Path, page: str, example: str) -> None:
    recording = tmp_path / "talk.wav"
    talk(recording)
    for there, here in (
        ("https://example.bitrix24.com/rest/1/secret/", office.webhook),
        ('"example.bitrix24.com", "local.client_id", "client_secret", MemoryTokenStore(tokens)',
         f'"{office.url}", "local.sandbox", "sandboxappsecret", MemoryTokenStore(tokens), oauth_url="{office.url}"'),
        ("Portal(auth)", "Portal(auth, allow_http=True)"),
        (f'Portal(WebhookAuth("{office.webhook}")', f'Portal(WebhookAuth("{office.webhook}"), allow_http=True'),
    ):  # fmt: skip
        example = example.replace(there, here)
    names: dict[str, Any] = {"tokens": office.tokens(), "portal": await office.installed(), "path": recording}
    body = f"async def example(tokens, portal, path):\n{textwrap.indent(example, '    ')}"
    exec(compile(body, str(DOCS / page), "exec"), globals_ := {"b24client": b24client})
    await globals_["example"](**names)  # type: ignore[operator]
