"""After an installation: have the portal tell us what we want to know."""

from __future__ import annotations

from loguru import logger

from b24client import B24Error, OAuthAuth, Portal
from stasis_app.portal.events import CALL_BACK, CLICK_TO_CALL, UNINSTALLED

EVENTS_PATH = "/bitrix24/events"


async def bind_events(portal: Portal, public_url: str) -> bool:
    """Have events posted to our public address; True when all are bound. May be repeated at each start."""
    if not isinstance(portal.auth, OAuthAuth):
        logger.info("the portal is reached by a webhook: it posts no events to us")
        return False
    if not public_url:
        logger.info("http.public_url is not set: the portal can't tell us of clicks on numbers")
        return False
    handler = public_url.rstrip("/") + EVENTS_PATH
    try:
        for event in (CLICK_TO_CALL, CALL_BACK, UNINSTALLED):
            if await portal.events.bind(event, handler):
                logger.info("the portal will post {} to {}", event, handler)
    except B24Error as error:
        logger.warning("events of the portal could not be bound: {}", error)
        return False
    return True
