"""The groups of methods a portal has."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from b24client.methods.activities import Activities
from b24client.methods.application import Application
from b24client.methods.crm import Crm
from b24client.methods.departments import Departments
from b24client.methods.events import Events
from b24client.methods.lines import Lines
from b24client.methods.notifications import Notifications
from b24client.methods.placements import Placements
from b24client.methods.robots import Robots
from b24client.methods.tasks import Tasks
from b24client.methods.telephony import Telephony
from b24client.methods.timeline import Timeline
from b24client.methods.timeman import Timeman
from b24client.methods.users import Users

if TYPE_CHECKING:
    from b24client.caller import Caller as _Base
else:
    _Base = object


class Groups(_Base):
    """Mixed into `Portal`: each group is made when it is first asked for."""

    @cached_property
    def crm(self) -> Crm:
        """Clients, deals, smart processes."""
        return Crm(self)

    @cached_property
    def telephony(self) -> Telephony:
        """Calls, cards, recordings."""
        return Telephony(self)

    @cached_property
    def lines(self) -> Lines:
        """The application's outside lines."""
        return Lines(self)

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

    @cached_property
    def departments(self) -> Departments:
        """The company's structure."""
        return Departments(self)

    @cached_property
    def timeman(self) -> Timeman:
        """The employees' working days."""
        return Timeman(self)

    @cached_property
    def activities(self) -> Activities:
        """What happened with clients and what is to be done."""
        return Activities(self)

    @cached_property
    def timeline(self) -> Timeline:
        """Comments and log entries of the CRM's entities."""
        return Timeline(self)

    @cached_property
    def tasks(self) -> Tasks:
        """What employees have to do."""
        return Tasks(self)

    @cached_property
    def notifications(self) -> Notifications:
        """Telling employees something."""
        return Notifications(self)

    @cached_property
    def robots(self) -> Robots:
        """Robots for the portal's automation."""
        return Robots(self)

    @cached_property
    def application(self) -> Application:
        """What the portal offers to us."""
        return Application(self)
