"""Whose token is this? The OAuth server knows (https://apidocs.bitrix24.com/settings/oauth/index.html).

For tokens that come from outside, with an embedded page or an event: compare `client_id` and `member_id` with your own
before believing anything that came with them.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

import aiohttp
from pydantic import BeforeValidator, Field

from b24client.classify import classify
from b24client.errors import BadReply, Temporary
from b24client.masking import masked
from b24client.php import Identifier, Reply, Text, Truth, read
from b24client.transport import Outgoing, Transport

_METHOD = "app.info"
_FORM = "application/x-www-form-urlencoded"


def _scopes(value: Any) -> Any:
    return tuple(part for part in value.split(",") if part) if isinstance(value, str) else value or ()


def _end(value: Any) -> Any:
    """A unix time, also as a string, or an ISO date: servers differ; nothing for what is none."""
    try:
        if isinstance(value, str) and not value.isdecimal():
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return datetime.fromtimestamp(int(value), UTC) if value else None
    except (TypeError, ValueError, OverflowError, OSError):
        return None


class _Installation(Reply):
    model_config = Reply.model_config | {"alias_generator": None}

    installed: Truth = False
    status: Text = ""
    domain: Text = ""
    client_endpoint: Text = ""
    member_id: Text = ""


class TokenInfo(Reply):
    """Whose an access token is: the application's, in which portal, for which user."""

    model_config = Reply.model_config | {"alias_generator": None}

    client_id: Text = ""
    user_id: Identifier = None
    scope: Annotated[tuple[str, ...], BeforeValidator(_scopes)] = ()
    expires_at: Annotated[datetime | None, BeforeValidator(_end)] = Field(default=None, alias="expires")
    """When the token ends, None when the server does not tell."""
    install: _Installation = _Installation()

    @property
    def member_id(self) -> str:
        """The portal's name for good."""
        return self.install.member_id


async def token_info(
    server_endpoint: str,
    access_token: str,
    *,
    session: aiohttp.ClientSession | None = None,
    allow_http: bool = False,
    timeout: float = 15.0,
) -> TokenInfo:
    """Ask the OAuth server of `server_endpoint` about a token. `timeout` in seconds.

    Give the address you know (https://oauth.bitrix.info/rest/), not one that came with the token. Raises ValueError for
    an address without https, AccessDenied for a token that is not (or no longer) good, other B24Error as usual.
    """
    parts = urlsplit(server_endpoint)
    schemes = ("https", "http") if allow_http else ("https",)
    if parts.scheme not in schemes or not parts.hostname or "@" in parts.netloc:
        raise ValueError("server_endpoint: not an https address such as https://oauth.bitrix.info/rest/")
    form = urlencode({"auth": access_token}).encode()
    url = f"{parts.scheme}://{parts.netloc}/rest/app.info/"
    request = Outgoing(_METHOD, url, lambda: form, repeatable=True, content_type=_FORM)
    transport = Transport(session, None, lambda: (access_token,))
    try:
        async with asyncio.timeout(timeout):
            answer = await transport.post(request)
    except TimeoutError:
        raise Temporary(_METHOD, "", f"no answer within {timeout:g} s") from None
    finally:
        await transport.aclose()
    body = answer.body
    if "error" in body:
        code, text = (masked(str(body.get(key) or ""), [access_token]) for key in ("error", "error_description"))
        refusal = classify(_METHOD, answer.status, code, text or "refused without a reason", answer.retry_after)
        raise refusal
    if not isinstance(body.get("result"), dict):
        raise BadReply(_METHOD, "", "an answer without a result", answer.status)
    return read(TokenInfo, _METHOD, body["result"])
