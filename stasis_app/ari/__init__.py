"""The wire to Asterisk: one supervised link, REST in two lanes, typed events. Knows no CRM.

`AriLink` keeps the connection up and hands on events; `link.api` is the server's own API as aioari binds it.
"""

from stasis_app.ari.errors import AriError, Gone, LinkDown, Rejected, ServerFailed, SteppedBack, TimedOut, Unauthorized
from stasis_app.ari.link import AriLink, LinkState
from stasis_app.ari.world import World

__all__ = [
    "AriError",
    "AriLink",
    "Gone",
    "LinkDown",
    "LinkState",
    "Rejected",
    "ServerFailed",
    "SteppedBack",
    "TimedOut",
    "Unauthorized",
    "World",
]
