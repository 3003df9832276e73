"""One request to a portal, whatever it takes: tokens renewed, a renamed portal followed, errors told by meaning."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from loguru import logger

from b24client.auth import Auth
from b24client.budget import Budget
from b24client.classify import classify, told_of
from b24client.errors import (
    AccessDenied,
    B24Error,
    BadReply,
    ExpiredToken,
    LimitExceeded,
    Temporary,
    UnknownOutcome,
    call_of,
)
from b24client.ledger import Ledger
from b24client.masking import masked
from b24client.transport import Answer, Outgoing, Transport

_MOST_ATTEMPTS = 4  # a renewed token and a renamed portal may each cost one, the latter twice

MovedHook = Callable[[str], Awaitable[None] | None]


class Exchange:
    """Requests to one portal. The first attempt of a request has been let through the budget by whoever sends it."""

    def __init__(
        self,
        auth: Auth,
        transport: Transport,
        budget: Budget,
        ledger: Ledger,
        *,
        allow_http: bool,
        on_moved: MovedHook | None,
    ) -> None:
        self.auth = auth
        self._transport = transport
        self._budget = budget
        self._ledger = ledger
        self._allow_http = allow_http
        self._on_moved = on_moved

    def permitted(self, address: str) -> bool:
        """Whether requests may go to an address: https only, unless plain http was allowed."""
        return address.startswith("https://") or (self._allow_http and address.startswith("http://"))

    def masked(self, text: str) -> str:
        """A portal's text without our secrets."""
        return masked(text, self.auth.secrets())

    async def request(self, method: str, params: Mapping[str, Any], *, harmless: bool | None = None) -> dict[str, Any]:
        """The answer's body, which holds a result. Raises B24Error."""
        try:
            return await self._attempts(method, params, harmless)
        except B24Error as error:
            error.about = error.about or call_of(params)
            raise

    async def _attempts(self, method: str, params: Mapping[str, Any], harmless: bool | None) -> dict[str, Any]:
        renewed = False
        for attempt in range(_MOST_ATTEMPTS):
            if attempt:
                self._budget.take()
            request = await self.auth.prepare(method, params, harmless=harmless)
            if not self.permitted(request.url):
                raise AccessDenied(method, "INVALID_REQUEST", "the portal's address is not https")
            answer = await self._transport.post(request)
            if answer.moved_to:
                await self._follow(request, answer)
                continue
            try:
                return self.result(method, answer)
            except ExpiredToken:
                if renewed or not await self.auth.renew(request.token, self._transport):
                    raise
                renewed = True
            except Temporary as error:
                raise told_of(error, harmless=request.repeatable) from None
            except BadReply as error:
                if request.repeatable:
                    raise
                raise UnknownOutcome(method, "", error.description, error.status) from None
        raise BadReply(method, "", "the portal sends us from one address to the next")

    async def post(self, request: Outgoing) -> dict[str, Any]:
        """The answer to a request made up by the caller. Raises B24Error."""
        return self.result(request.method, await self._transport.post(request))

    def result(self, method: str, answer: Answer) -> dict[str, Any]:
        """The answer's body once it is known to hold a result. Raises the error it tells otherwise."""
        body = answer.body
        if "error" not in body:
            if "result" not in body:
                raise BadReply(method, "", "an answer with neither result nor error", answer.status)
            if answer.status >= 400:
                raise BadReply(method, "", "a result under an error status", answer.status)
            if method != "batch":
                self._ledger.note(method, body.get("time"))
            return body
        code, text = body["error"], body.get("error_description")
        code, text = (self.masked(str(part)) if part else "" for part in (code, text))
        error = classify(method, answer.status, code, text or "refused without a reason", answer.retry_after)
        if isinstance(error, LimitExceeded):
            self._note_limit(method, error)
        raise error

    def _note_limit(self, method: str, error: LimitExceeded) -> None:
        logger.warning("the portal's budget is overrun: {}", error)
        if error.is_of_method:
            error.retry_after = self._ledger.refused(method, error.retry_after)
        else:
            self._budget.refused(error.retry_after)

    async def _follow(self, request: Outgoing, answer: Answer) -> None:
        """Take over the portal's new address. Only the same path counts as the same portal."""
        old, new = urlsplit(request.url), urlsplit(answer.moved_to)
        same_path = new.path.rstrip("/").lower() == old.path.rstrip("/").lower()
        base = f"{new.scheme}://{new.netloc}"
        if not new.hostname or "@" in new.netloc or not same_path or not self.permitted(base):
            raise BadReply(request.method, "", "the portal redirects to something that is not a portal", answer.status)
        if base == self.auth.base:
            raise BadReply(request.method, "", "the portal redirects to itself", answer.status)
        logger.warning("the portal has moved from {} to {}", old.netloc, new.netloc)
        await self.auth.moved(base)
        if self._on_moved is not None:
            following = self._on_moved(base)
            if following is not None:
                await following


def unanswered(method: str, seconds: float, *, harmless: bool) -> B24Error:
    """The error of a request that got no answer in time."""
    kind = Temporary if harmless else UnknownOutcome
    return kind(method, "", f"no answer within {seconds:g} s")
