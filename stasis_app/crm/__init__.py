"""Who is calling and who answers for them: numbers, phonebook, employees, availability.

Everything here answers a caller's question within a time budget and without raising; what the portal or Asterisk can't
say in time is said as "unknown", and the call goes on.
"""

from stasis_app.crm.availability import ALWAYS, Availability, EndpointReader, Phones, PhoneState, SetBy
from stasis_app.crm.client import Client, ClientFinder, PortalClientFinder, WorkingDay
from stasis_app.crm.employees import Directory, Employee, EmployeeLister, PortalEmployeeLister
from stasis_app.crm.endpoints import AriEndpoints
from stasis_app.crm.extensions import Extension, Extensions
from stasis_app.crm.freepbx import AriDialplan, FreePbx, local_call
from stasis_app.crm.importance import ClientQuestions, Importance, Mark
from stasis_app.crm.numbers import Number, NumberKind, Numbers, extension_of
from stasis_app.crm.phonebook import Lookup, Phonebook, Source
from stasis_app.crm.responsible import Responsible, ResponsibleFinder, Standing
from stasis_app.crm.stores import (
    ClientStore,
    EmployeeStore,
    MemoryClientStore,
    MemoryEmployeeStore,
)
from stasis_app.crm.working_days import WorkingDays

__all__ = [
    "ALWAYS",
    "AriDialplan",
    "AriEndpoints",
    "Availability",
    "Client",
    "ClientFinder",
    "ClientQuestions",
    "ClientStore",
    "Directory",
    "Employee",
    "EmployeeLister",
    "EmployeeStore",
    "EndpointReader",
    "Extension",
    "Extensions",
    "FreePbx",
    "Importance",
    "Lookup",
    "Mark",
    "MemoryClientStore",
    "MemoryEmployeeStore",
    "Number",
    "NumberKind",
    "Numbers",
    "PhoneState",
    "Phonebook",
    "Phones",
    "PortalClientFinder",
    "PortalEmployeeLister",
    "Responsible",
    "ResponsibleFinder",
    "SetBy",
    "Source",
    "Standing",
    "WorkingDay",
    "WorkingDays",
    "extension_of",
    "local_call",
]
