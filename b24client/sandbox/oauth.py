"""The OAuth server (https://apidocs.bitrix24.com/settings/oauth/index.html)."""

from __future__ import annotations

import time
from urllib.parse import urlencode

from aiohttp import web

from b24client.sandbox.state import SANDBOX
from b24client.sandbox.trouble import spoiled, stricken
from b24client.sandbox.wire import RestError, json_response


async def authorize(request: web.Request) -> web.StreamResponse:
    """Send the user back to the application with a code; the user is `user_id` or the first administrator."""
    sandbox = request.app[SANDBOX]
    app = sandbox.config.app
    if request.query.get("client_id") != app.client_id:
        return json_response({"error": "invalid_client", "error_description": "Unknown client_id"}, 400)
    users = sandbox.people.users
    chosen = request.query.get("user_id", "")
    admin = next((user.id for user in users.values() if user.admin), min(users, default=1))
    fields = {
        "code": sandbox.access.new_code(int(chosen) if chosen.isdecimal() and int(chosen) in users else admin),
        "state": request.query.get("state", ""),
        "domain": request.host,
        "member_id": sandbox.access.member_id,
        "scope": ",".join(app.scope),
        "server_domain": "oauth.bitrix.info",
    }
    if not app.redirect_uri:
        return json_response(fields)
    raise web.HTTPFound(f"{app.redirect_uri}?{urlencode(fields)}")


async def token(request: web.Request) -> web.StreamResponse:
    """Tokens for a code or a refresh token; the fields may come in the address or as a form."""
    sandbox = request.app[SANDBOX]
    started = time.time()
    fields = dict(request.query)
    if request.method == "POST":
        fields |= {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
    faults = sandbox.faults.hit(["oauth.token"])
    if (early := await stricken(request, faults)) is not None:
        return early
    try:
        body, status, error = sandbox.access.exchange(fields, sandbox.base(request)), 200, None
    except RestError as refusal:
        status, error = refusal.status, refusal.code
        body = {"error": refusal.code, "error_description": refusal.text}
    params = {"grant_type": fields.get("grant_type", "")}
    sandbox.journal.note("oauth.token", started=started, visitor="oauth", status=status, error=error, params=params)
    return spoiled(request, faults, json_response(body, status))
