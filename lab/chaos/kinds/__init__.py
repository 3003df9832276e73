"""The kinds of calls people make. One more kind is one more small class in `KINDS`."""

from __future__ import annotations

from collections.abc import Sequence

from lab.chaos.kinds.coming import (
    GivesUp,
    GroupAnswers,
    LeavesMessage,
    Menu,
    NobodyAnswers,
    PickedUp,
    QueueAnswers,
    ResponsibleAway,
    TurnAnswers,
)
from lab.chaos.kinds.kind import Kind, Responsible
from lab.chaos.kinds.placed import DialsOut, Internal, OrdersOut
from lab.chaos.kinds.talk import (
    AsksByApi,
    AsksByKeys,
    AsksByPhone,
    Holds,
    InvitesByApi,
    Parked,
    ParkedInVain,
    RefersBlind,
    RefersToNobody,
    Supervised,
    TransfersByApi,
    TransfersByKeys,
)

__all__ = ["KINDS", "Kind"]

KINDS: Sequence[Kind] = (
    Responsible(),
    ResponsibleAway(),
    Menu(),
    GroupAnswers(),
    TurnAnswers(),
    QueueAnswers(),
    LeavesMessage(),
    PickedUp(),
    NobodyAnswers(),
    GivesUp(),
    Holds(),
    RefersBlind(),
    RefersToNobody(),
    TransfersByKeys(),
    AsksByPhone(),
    AsksByKeys(),
    TransfersByApi(),
    AsksByApi(),
    InvitesByApi(),
    Parked(),
    ParkedInVain(),
    Supervised(),
    DialsOut(),
    OrdersOut(),
    Internal(),
)
