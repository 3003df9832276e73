"""The operations that move calls and set extensions."""

from __future__ import annotations

from stasis_app.http import models, moves
from stasis_app.http.openapi import Route

_MOVE_ERRORS = (400, 404, 409, 415, 422, 503)

MOVE_ROUTES = (
    Route(
        method="POST",
        path="/api/v1/calls/{id}/participants",
        handler=moves.add_participant,
        tag="moves",
        body=models.Invitation,
        status=202,
        result=models.Invited,
        errors=_MOVE_ERRORS,
    ),
    Route(
        method="PATCH",
        path="/api/v1/calls/{id}/participants/{participant}",
        handler=moves.change_participant,
        tag="moves",
        body=models.ParticipantChange,
        status=204,
        errors=_MOVE_ERRORS,
    ),
    Route(
        method="DELETE",
        path="/api/v1/calls/{id}/participants/{participant}",
        handler=moves.remove_participant,
        tag="moves",
        status=204,
        errors=(404, 409, 503),
    ),
    Route(
        method="POST",
        path="/api/v1/calls/{id}/participants/{participant}/dtmf",
        handler=moves.send_keys,
        tag="moves",
        body=models.Keys,
        status=204,
        errors=_MOVE_ERRORS,
    ),
    Route(
        method="POST",
        path="/api/v1/calls/{id}/park",
        handler=moves.park,
        tag="moves",
        body=models.ParkOrder,
        result=models.ParkedOut,
        errors=_MOVE_ERRORS,
    ),
    Route(
        method="POST",
        path="/api/v1/calls/{id}/pickup",
        handler=moves.pick_up,
        tag="moves",
        body=models.PickupOrder,
        status=202,
        errors=_MOVE_ERRORS,
    ),
    Route(
        method="POST",
        path="/api/v1/calls/{id}/supervise",
        handler=moves.supervise,
        tag="moves",
        body=models.SuperviseOrder,
        status=202,
        errors=(*_MOVE_ERRORS, 403),
    ),
    Route(
        method="DELETE",
        path="/api/v1/calls/{id}/supervise/{extension}",
        handler=moves.stop_supervising,
        tag="moves",
        status=204,
        errors=(403, 404, 409, 503),
    ),
    Route(
        method="GET",
        path="/api/v1/extensions/{extension}",
        handler=moves.show_extension,
        tag="extensions",
        result=models.ExtensionOut,
        errors=(404,),
    ),
    Route(
        method="PUT",
        path="/api/v1/extensions/{extension}",
        handler=moves.change_extension,
        tag="extensions",
        body=models.ExtensionChange,
        result=models.ExtensionOut,
        errors=(400, 404, 415, 422),
    ),
)
