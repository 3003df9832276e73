"""The groups of methods a portal has."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from b24client.methods.events import Events
from b24client.methods.placements import Placements
from b24client.methods.telephony import Telephony
from b24client.methods.users import Users

if TYPE_CHECKING:
    from b24client.caller import Caller as _Base
else:
    _Base = object


class Groups(_Base):
    """Mixed into `Portal`: each group is made when it is first asked for."""

    @cached_property
    def telephony(self) -> Telephony:
        """Calls, cards, recordings."""
        return Telephony(self)

    @cached_property
    def users(self) -> Users:
        """The employees."""
        return Users(self)

    @cached_property
    def events(self) -> Events:
        """What the portal posts to us."""
        return Events(self)

    @cached_property
    def placements(self) -> Placements:
        """Where the application shows itself in the portal's pages."""
        return Placements(self)
