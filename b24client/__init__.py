"""An async client for the REST API of Bitrix24: authorisation, the request budget, telephony, errors by meaning.

It stands alone: nothing here knows of telephone switches or of the service that uses it. `Portal` is the way in;
`b24client.sandbox` is a portal to develop against.
"""

from b24client.access import AccessReport, check_access
from b24client.audio import BadRecording, UnfinishedRecording
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
from b24client.habits import list_method
from b24client.introspection import TokenInfo, token_info
from b24client.lists import ListMethod, Progress, iterate
from b24client.methods.activities import (
    Activities,
    Activity,
    ActivityType,
    Communication,
    Direction,
    NewActivity,
    NewTodo,
)
from b24client.methods.application import Application, MethodState
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
    Utterance,
)
from b24client.methods.crm import Crm, DuplicateSearch
from b24client.methods.crm_entities import Entities
from b24client.methods.crm_items import Items
from b24client.methods.crm_models import (
    Category,
    Company,
    CompanyLink,
    Contact,
    ContactLink,
    CrmField,
    CrmItem,
    CrmMode,
    CrmStatus,
    Deal,
    Duplicates,
    EntityType,
    Lead,
    Multifield,
    SmartProcess,
)
from b24client.methods.departments import Department, Departments
from b24client.methods.events import Binding
from b24client.methods.lines import Line, Lines
from b24client.methods.notifications import Notification, Notifications
from b24client.methods.offline import OfflineEvent, OfflineEvents, Processed
from b24client.methods.placements import Placement, PlacementCode, Placements
from b24client.methods.profile import AppInfo, Profile
from b24client.methods.recordings import AttachedRecord, Way, record_command, record_file_id
from b24client.methods.robots import Robot, RobotProperty, RobotRequest, Robots
from b24client.methods.tasks import NewTask, Task, Tasks, TaskStatus, crm_link
from b24client.methods.telephony import Telephony, card_params
from b24client.methods.timeline import Comment, LogEntry, Timeline
from b24client.methods.timeman import DayStatus, Schedule, Shift, Timeman, WorkDay, WorkSettings
from b24client.methods.users import User, Users
from b24client.php import read
from b24client.placement_in import PlacementRequest
from b24client.portal import Portal
from b24client.retry import retrying
from b24client.tokens import MemoryTokenStore, OAuthTokens, TokenStore

__all__ = [
    "AccessDenied",
    "AccessReport",
    "Activities",
    "Activity",
    "ActivityType",
    "AppInfo",
    "Application",
    "AttachedRecord",
    "Auth",
    "B24Error",
    "BadRecording",
    "BadReply",
    "Binding",
    "CallStatistic",
    "CallType",
    "Category",
    "Command",
    "CommandResult",
    "Comment",
    "Communication",
    "Company",
    "CompanyLink",
    "Contact",
    "ContactLink",
    "CreatedEntity",
    "Crm",
    "CrmEntity",
    "CrmField",
    "CrmItem",
    "CrmMode",
    "CrmStatus",
    "DayStatus",
    "Deal",
    "Department",
    "Departments",
    "Direction",
    "DuplicateSearch",
    "Duplicates",
    "Entities",
    "EntityType",
    "EventAuth",
    "ExpiredToken",
    "FinishCall",
    "FinishedCall",
    "Items",
    "Lead",
    "LimitExceeded",
    "Limits",
    "Line",
    "Lines",
    "ListMethod",
    "LogEntry",
    "MemoryTokenStore",
    "MethodState",
    "Multifield",
    "NewActivity",
    "NewTask",
    "NewTodo",
    "NotRun",
    "Notification",
    "Notifications",
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
    "Progress",
    "Refusal",
    "Refused",
    "RegisterCall",
    "RegisteredCall",
    "Robot",
    "RobotProperty",
    "RobotRequest",
    "Robots",
    "Schedule",
    "Shift",
    "SmartProcess",
    "StatusCode",
    "Task",
    "TaskStatus",
    "Tasks",
    "Telephony",
    "Temporary",
    "Timeline",
    "Timeman",
    "TokenInfo",
    "TokenStore",
    "UnfinishedRecording",
    "UnknownOutcome",
    "User",
    "Users",
    "Utterance",
    "Way",
    "WebhookAuth",
    "WorkDay",
    "WorkSettings",
    "card_params",
    "check_access",
    "crm_link",
    "decode_form",
    "encode_form",
    "iterate",
    "list_method",
    "read",
    "record_command",
    "record_file_id",
    "reference",
    "retrying",
    "token_info",
]
