"""The portal's events as we read them (https://apidocs.bitrix24.com/api-reference/telephony/events/index.html)."""

from __future__ import annotations

import hmac
import re
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from b24client import OAuthTokens
from stasis_app.portal.needs import CallBackOrder, ClickOrder

CLICK_TO_CALL = "ONEXTERNALCALLSTART"
CALL_BACK = "ONEXTERNALCALLBACKSTART"
UNINSTALLED = "ONAPPUNINSTALL"

_SPOKEN = re.compile(r"[ ()\-.\u00a0]")
_NUMBER = re.compile(r"\+?[0-9*#]{2,20}")
_CALL_ID = re.compile(r"[A-Za-z0-9_.\-]{1,150}")


class UnreadableEventError(ValueError):
    """An event lacks a field or has a wrong one; the text names it."""


def is_from(tokens: OAuthTokens | None, event: Mapping[str, Any]) -> bool:
    """Whether an event carries the application token of the portal we are installed in; compared in constant time."""
    auth = event.get("auth")
    if tokens is None or not isinstance(auth, Mapping):
        return False
    expected = tokens.application_token.get_secret_value()
    given = str(auth.get("application_token") or "")
    same = hmac.compare_digest(given.encode(), expected.encode())
    return same and bool(expected) and str(auth.get("member_id") or tokens.member_id) == tokens.member_id


def click_order(event: Mapping[str, Any]) -> ClickOrder:
    """What ONEXTERNALCALLSTART orders. Raises `UnreadableEventError`."""
    data = _data(event)
    call_id = str(data.get("CALL_ID") or "")
    if not _CALL_ID.fullmatch(call_id):
        raise UnreadableEventError("data[CALL_ID] is not the id of a call")
    user = str(data.get("USER_ID") or "")
    if not (user.isascii() and user.isdigit()):
        raise UnreadableEventError("data[USER_ID] is not the id of an employee")
    return ClickOrder(
        portal_call_id=call_id,
        user_id=int(user),
        number=_number(data),
        line=str(data.get("LINE_NUMBER") or ""),
        entity_type=str(data.get("CRM_ENTITY_TYPE") or ""),
        entity_id=_entity(data),
        ordered_at=_moment(event),
    )


def call_back_order(event: Mapping[str, Any]) -> CallBackOrder:
    """What ONEXTERNALCALLBACKSTART orders. Raises `UnreadableEventError`."""
    data = _data(event)
    return CallBackOrder(
        number=_number(data),
        line=str(data.get("LINE_NUMBER") or ""),
        entity_type=str(data.get("CRM_ENTITY_TYPE") or "").upper(),
        entity_id=_entity(data),
        ordered_at=_moment(event),
    )


def _data(event: Mapping[str, Any]) -> Mapping[str, Any]:
    data = event.get("data")
    if not isinstance(data, Mapping):
        raise UnreadableEventError("data is missing")
    return data


def _number(data: Mapping[str, Any]) -> str:
    number = _SPOKEN.sub("", str(data.get("PHONE_NUMBER_INTERNATIONAL") or data.get("PHONE_NUMBER") or ""))
    if not _NUMBER.fullmatch(number):
        raise UnreadableEventError("data[PHONE_NUMBER] is not a phone number")
    return number


def _entity(data: Mapping[str, Any]) -> int | None:
    entity = str(data.get("CRM_ENTITY_ID") or "")
    return int(entity) if entity.isascii() and entity.isdigit() and int(entity) else None


def _moment(event: Mapping[str, Any]) -> float | None:
    told = str(event.get("ts") or "")
    return float(told) if told.isascii() and told.isdigit() else None


class Seen:
    """Remembers the last ids, because the portal may deliver an event more than once."""

    def __init__(self, size: int = 10_000) -> None:
        self._size = size
        self._ids: OrderedDict[str, None] = OrderedDict()

    def before(self, id_: str) -> bool:
        """Whether this id was asked about before; from now on it was."""
        if id_ in self._ids:
            return True
        self._ids[id_] = None
        if len(self._ids) > self._size:
            self._ids.popitem(last=False)
        return False
