"""What can be done with a call beyond ringing and talking, one file per move: hold, park, pick up, confer, supervise.

Each is a few functions that take a live call. What they can't do now they refuse with `MoveRefused`; whatever has gone
meanwhile is the call's own business and no error.
"""

from stasis_app.calls.moves.refusal import MoveRefused

__all__ = ["MoveRefused"]
