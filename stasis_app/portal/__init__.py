"""Bitrix24 talking to us: installation of the application, its events, click-to-call.

`add_portal` adds the portal's addresses to an aiohttp application:

- `POST /bitrix24/install` takes the tokens of an installation, after making sure that it is ours;
- `POST /bitrix24/events` takes events, after making sure that the portal sent them.

`add_recordings` adds `GET /bitrix24/recordings/...`, by which the portal fetches recordings while they are published.
"""

from stasis_app.portal.call_backs import CallBackDesk, CallBacks
from stasis_app.portal.connect import connect
from stasis_app.portal.events import CALL_BACK, CLICK_TO_CALL, UNINSTALLED
from stasis_app.portal.handlers import EVENTS_PATH, INSTALL_PATH, add_portal
from stasis_app.portal.install import bind_events
from stasis_app.portal.needs import CallBackOrder, ClickOrder, ClickToCall, PortalNeeds
from stasis_app.portal.proof import InstallProof, NotOursError, ProofUnavailableError
from stasis_app.portal.recordings import RECORDINGS_PATH, PublishedRecordings, add_recordings
from stasis_app.portal.wishes import Wish, WishBook

__all__ = [
    "CALL_BACK",
    "CLICK_TO_CALL",
    "EVENTS_PATH",
    "INSTALL_PATH",
    "RECORDINGS_PATH",
    "UNINSTALLED",
    "CallBackDesk",
    "CallBackOrder",
    "CallBacks",
    "ClickOrder",
    "ClickToCall",
    "InstallProof",
    "NotOursError",
    "PortalNeeds",
    "ProofUnavailableError",
    "PublishedRecordings",
    "Wish",
    "WishBook",
    "add_portal",
    "add_recordings",
    "bind_events",
    "connect",
]
