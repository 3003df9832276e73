"""The status page: live calls and health at a glance.

The page itself holds no data; its script asks for a token and reads the API. What it is made with is loaded when
somebody first looks at it: calls wait for a start, and none of it is for them.
"""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path

from aiohttp import web

from stasis_app import __version__
from stasis_app.http.texts import TEXTS

_HERE = Path(__file__).parent
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def add_page(app: web.Application) -> None:
    """The page at `/` and its files under `/static`."""
    app.router.add_get("/", status_page)
    app.router.add_static("/static", _HERE / "static")


async def status_page(request: web.Request) -> web.Response:
    """The page in the language the browser asks for."""
    return web.Response(
        text=await asyncio.to_thread(_page_for, request.headers.get("Accept-Language", "")),
        content_type="text/html",
        headers={
            "Content-Security-Policy": _POLICY,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Vary": "Accept-Language",
            "Cache-Control": "no-cache",
        },
    )


def _page_for(accepted: str) -> str:
    return _page(language_of(accepted))


@cache
def _page(language: str) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    jinja = Environment(loader=PackageLoader("stasis_app.http"), autoescape=True, undefined=StrictUndefined)
    return jinja.get_template("status.html").render(language=language, texts=TEXTS[language], version=__version__)


def language_of(accepted: str) -> str:
    """The best language for an Accept-Language header (RFC 9110 section 12.5.4); English when none fits."""
    from babel import negotiate_locale

    weighted: list[tuple[float, str]] = []
    for part in accepted.split(","):
        tag, _, parameter = part.strip().partition(";")
        try:
            weight = float(parameter.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if tag and weight > 0:
            weighted.append((weight, tag.strip().replace("-", "_")))
    weighted.sort(key=lambda item: -item[0])
    return negotiate_locale([tag.split("_")[0] for _, tag in weighted], list(TEXTS)) or "en"
