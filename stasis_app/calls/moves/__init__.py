"""What can be done with a call beyond ringing and talking, one file per move: transfer, hold, park, pick up, confer ...

Each is a few functions that take a live call. What can't be done now is refused with `ImpossibleMove`; whatever is gone
meanwhile is the call's own business and no error.
"""

from stasis_app.calls.moves.refusal import ImpossibleMove

__all__ = ["ImpossibleMove"]
