"""Keeping it running: checks of Asterisk, the portal and this machine, each with how to mend what is wrong.

`run_checks` makes all checks at once; each gives findings with a severity and a remedy.
"""

from stasis_app.ops.check import Surroundings, run_checks
from stasis_app.ops.findings import Finding, Severity

__all__ = ["Finding", "Severity", "Surroundings", "run_checks"]
