"""Who we are in a portal and what we may do there."""

from __future__ import annotations

from b24client.php import Identifier, Number, Reply, Text, Truth


class Profile(Reply):
    """The user behind our credentials (https://apidocs.bitrix24.com/api-reference/common/users/profile.html)."""

    id: Identifier = None
    admin: Truth = False
    name: Text = ""
    last_name: Text = ""
    time_zone: Text = ""


class AppInfo(Reply):
    """The installed application and the portal's plan."""

    id: Identifier = None
    code: Text = ""
    version: Number = 0
    status: Text = ""
    installed: Truth = False
    payment_expired: Truth = False
    language_id: Text = ""
    license: Text = ""
    license_type: Text = ""
    license_family: Text = ""

    @property
    def enterprise(self) -> bool:
        """Whether the portal's plan has the wider request limits."""
        return self.license_family.lower() == "ent"
