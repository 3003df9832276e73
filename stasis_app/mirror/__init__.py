"""The call as Bitrix24 sees it: registered once, cards for exactly the people concerned, finished once, recorded.

Facts come in through `Mirror.on_fact`, in the call's path and without waiting; each call has a lane of its own that
tells the portal what is missing, through an outbox on disk, whatever the portal or this program goes through.
"""

from stasis_app.mirror.context import Responsible
from stasis_app.mirror.mirror import Mirror, MirrorState
from stasis_app.mirror.operations import Kind
from stasis_app.mirror.outcome import Outcome, outcome
from stasis_app.mirror.portal_calls import B24PortalCalls, PortalCalls
from stasis_app.mirror.recordings import RecordingError, Recordings, RecordingSource
from stasis_app.mirror.stored import AriRecordings

__all__ = [
    "AriRecordings",
    "B24PortalCalls",
    "Kind",
    "Mirror",
    "MirrorState",
    "Outcome",
    "PortalCalls",
    "RecordingError",
    "RecordingSource",
    "Recordings",
    "Responsible",
    "outcome",
]
