"""Keeping it running: checks of Asterisk, the portal and this machine, each with how to mend what is wrong.

`run_checks` makes all checks at once; each gives findings with a severity and a remedy. `IncidentBook` keeps what goes
wrong while the service runs, and `Watch` looks for it.
"""

from stasis_app.ops.check import Surroundings, run_checks
from stasis_app.ops.findings import Finding, Severity
from stasis_app.ops.incidents import IncidentBook
from stasis_app.ops.watch import Watch

__all__ = ["Finding", "IncidentBook", "Severity", "Surroundings", "Watch", "run_checks"]
