"""What happens to a call: the routing plan, its elements (one file each), and the script API.

Flows act on calls through the verbs of `stasis_app.calls.verbs` and ask `stasis_app.crm` who is calling. No failure in
here drops a caller: what can't be decided is handed to the dialplan.
"""

from stasis_app.flow.code_actions import add_extension_codes
from stasis_app.flow.codes import Codes
from stasis_app.flow.context import FlowContext
from stasis_app.flow.explain import ExplainedElement, Explanation, PlanCheck, check_plan, explain
from stasis_app.flow.load import KnownPrompts, examine_plan, extensions_of, load_plan
from stasis_app.flow.plan import Line, Plan
from stasis_app.flow.problems import PlanError, Problem, Severity
from stasis_app.flow.route import (
    learn_client,
    learn_client_outside,
    resume_call,
    route_call,
    route_inbound,
    route_internal,
    route_outbound,
)
from stasis_app.flow.run import run_plan
from stasis_app.flow.script_call import ScriptCall
from stasis_app.flow.scripts import ScriptError, ScriptFunction, load_scripts
from stasis_app.flow.transfers import PlanDestinations, came_back_to
from stasis_app.flow.trunks import ExplainedNumber, explain_number, number_plan
from stasis_app.flow.whom import Colleagues

__all__ = [
    "Codes",
    "Colleagues",
    "ExplainedElement",
    "ExplainedNumber",
    "Explanation",
    "FlowContext",
    "KnownPrompts",
    "Line",
    "Plan",
    "PlanCheck",
    "PlanDestinations",
    "PlanError",
    "Problem",
    "ScriptCall",
    "ScriptError",
    "ScriptFunction",
    "Severity",
    "add_extension_codes",
    "came_back_to",
    "check_plan",
    "examine_plan",
    "explain",
    "explain_number",
    "extensions_of",
    "learn_client",
    "learn_client_outside",
    "load_plan",
    "load_scripts",
    "number_plan",
    "resume_call",
    "route_call",
    "route_inbound",
    "route_internal",
    "route_outbound",
    "run_plan",
]
