"""What must survive a restart: the journal of calls, the outbox, the phonebook, the employees, the portal's tokens.

`open_store` opens the database (SQLite by default, MariaDB), brings its tables up to date and starts the one writer.
Nothing here knows of calls, the CRM or the portal: rows in, rows out.
"""

from stasis_app.store.directories import ClientRow, EmployeeRow, SqlClientStore, SqlEmployeeStore
from stasis_app.store.errors import StoreError
from stasis_app.store.incidents import IncidentRow, IncidentStore, SqlIncidents
from stasis_app.store.journal import CallFilter, CallRow, FactRow, JournalStore, SqlJournal
from stasis_app.store.lease import Lease, LeaseHeld, open_lease
from stasis_app.store.outbox import DONE, DROPPED, OPEN, REFUSED, Outbox, OutboxRow, OutboxSummary, SqlOutbox
from stasis_app.store.queues import AgentRow, CallBackRow, MembershipRow, SqlQueueStore
from stasis_app.store.small import SqlMeta, SqlTokenStore
from stasis_app.store.store import Store, open_store, read_patiently
from stasis_app.store.writer import Writer

__all__ = [
    "DONE",
    "DROPPED",
    "OPEN",
    "REFUSED",
    "AgentRow",
    "CallBackRow",
    "CallFilter",
    "CallRow",
    "ClientRow",
    "EmployeeRow",
    "FactRow",
    "IncidentRow",
    "IncidentStore",
    "JournalStore",
    "Lease",
    "LeaseHeld",
    "MembershipRow",
    "Outbox",
    "OutboxRow",
    "OutboxSummary",
    "SqlClientStore",
    "SqlEmployeeStore",
    "SqlIncidents",
    "SqlJournal",
    "SqlMeta",
    "SqlOutbox",
    "SqlQueueStore",
    "SqlTokenStore",
    "Store",
    "StoreError",
    "Writer",
    "open_lease",
    "open_store",
    "read_patiently",
]
