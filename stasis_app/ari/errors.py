"""What can go wrong on the wire to Asterisk: a small tree of typed errors.

Source of the codes: observation of Asterisk 22.10 (ARI's own documentation lists only some of them).
"""

from __future__ import annotations


class AriError(Exception):
    """A request Asterisk refused, or that never got an answer. `operation` is method and path, without parameters."""

    def __init__(self, operation: str, message: str, status: int = 0) -> None:
        super().__init__(f"{operation}: {message}" + (f" ({status})" if status else ""))
        self.operation = operation
        self.message = message
        self.status = status


class Gone(AriError):
    """What the request is about no longer exists (or has left the application): 404, 409, 412, 422, and some 400.

    In call control this is weather, not an error: people hang up whenever they like.
    """


class Rejected(AriError):
    """Asterisk refuses the request as it stands (400, 403, 405, 413 ...): our mistake or the configuration's."""


class Unauthorized(AriError):
    """User name or password are wrong, or the user is read-only (401, 403)."""


class ServerFailed(AriError):
    """Asterisk could not do it (500 ...): e.g. "Allocation failed" when an endpoint is unknown or has no contact."""


class LinkDown(AriError):
    """There is no connection to Asterisk, or it broke before the answer came: the outcome is unknown."""


class SteppedBack(AriError):
    """Another instance serves calls now; this one asks for nothing any more."""


class TimedOut(AriError):
    """No answer within the time limit: the outcome is unknown."""


def error_for(operation: str, status: int, message: str) -> AriError:
    """The error a reply of this status stands for."""
    if status in (401, 403):
        return Unauthorized(operation, message, status)
    if status in (404, 409, 412, 422):
        return Gone(operation, message, status)
    if status == 400 and "not found" in message.lower():
        return Gone(operation, message, status)
    if status >= 500:
        return ServerFailed(operation, message, status)
    return Rejected(operation, message, status)
