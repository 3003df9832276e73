"""An async client for the REST API of Bitrix24: authorisation, the request budget, telephony, errors by meaning.

It stands alone: nothing here knows of telephone switches or of the service that uses it. `Portal` is the way in;
`b24client.sandbox` is a portal to develop against.
"""

from b24client.access import AccessReport, check_access
from b24client.auth import Auth, OAuthAuth, WebhookAuth
from b24client.batch import Command, CommandResult, reference
from b24client.budget import Limits, Priority
from b24client.errors import (
    AccessDenied,
    B24Error,
    BadReply,
    ExpiredToken,
    LimitExceeded,
    NotRun,
    Refusal,
    Refused,
    Temporary,
    UnknownOutcome,
)
from b24client.events_in import EventAuth, PostedEvent
from b24client.forms import decode_form, encode_form
from b24client.methods.calls import (
    CallStatistic,
    CallType,
    CreatedEntity,
    CrmEntity,
    FinishCall,
    FinishedCall,
    RegisterCall,
    RegisteredCall,
    StatusCode,
)
from b24client.methods.events import Binding
from b24client.methods.offline import OfflineEvent, OfflineEvents, Processed
from b24client.methods.placements import Placement, PlacementCode, Placements
from b24client.methods.profile import AppInfo, Profile
from b24client.methods.telephony import Telephony, card_params
from b24client.methods.users import User, Users
from b24client.php import read
from b24client.placement_in import PlacementRequest
from b24client.portal import Portal
from b24client.tokens import MemoryTokenStore, OAuthTokens, TokenStore

__all__ = [
    "AccessDenied",
    "AccessReport",
    "AppInfo",
    "Auth",
    "B24Error",
    "BadReply",
    "Binding",
    "CallStatistic",
    "CallType",
    "Command",
    "CommandResult",
    "CreatedEntity",
    "CrmEntity",
    "EventAuth",
    "ExpiredToken",
    "FinishCall",
    "FinishedCall",
    "LimitExceeded",
    "Limits",
    "MemoryTokenStore",
    "NotRun",
    "OAuthAuth",
    "OAuthTokens",
    "OfflineEvent",
    "OfflineEvents",
    "Placement",
    "PlacementCode",
    "PlacementRequest",
    "Placements",
    "Portal",
    "PostedEvent",
    "Priority",
    "Processed",
    "Profile",
    "Refusal",
    "Refused",
    "RegisterCall",
    "RegisteredCall",
    "StatusCode",
    "Telephony",
    "Temporary",
    "TokenStore",
    "UnknownOutcome",
    "User",
    "Users",
    "WebhookAuth",
    "card_params",
    "check_access",
    "decode_form",
    "encode_form",
    "read",
    "reference",
]
