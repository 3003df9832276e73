"""The kinds of calls people make. One more kind is one more small class in `KINDS`."""

from __future__ import annotations

from collections.abc import Sequence

from lab.chaos.kinds.coming import (
    CalledBack,
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
from lab.chaos.kinds.given import (
    DialledGivenAttended,
    DialledGivenBlind,
    InternalGiven,
    OrderedGivenAttended,
    OrderedGivenBlind,
)
from lab.chaos.kinds.kind import Kind, Responsible
from lab.chaos.kinds.placed import DialsOut, Internal, OrdersOut
from lab.chaos.kinds.settings import CallWaits, Engaged, Forwarded, NotToBeDisturbed
from lab.chaos.kinds.talk import (
    AsksByApi,
    AsksByKeys,
    AsksByPhone,
    AsksQueue,
    Holds,
    HoldsByApi,
    InvitesByApi,
    Parked,
    ParkedInVain,
    PausesRecording,
    RefersBlind,
    RefersToNobody,
    Supervised,
    SwapsByApi,
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
    CalledBack(),
    LeavesMessage(),
    PickedUp(),
    NobodyAnswers(),
    GivesUp(),
    Holds(),
    HoldsByApi(),
    PausesRecording(),
    RefersBlind(),
    RefersToNobody(),
    TransfersByKeys(),
    AsksByPhone(),
    AsksQueue(),
    AsksByKeys(),
    TransfersByApi(),
    AsksByApi(),
    SwapsByApi(),
    InvitesByApi(),
    Parked(),
    ParkedInVain(),
    Supervised(),
    DialsOut(),
    OrdersOut(),
    Internal(),
    DialledGivenBlind(),
    DialledGivenAttended(),
    OrderedGivenBlind(),
    OrderedGivenAttended(),
    InternalGiven(),
    Forwarded(),
    NotToBeDisturbed(),
    CallWaits(),
    Engaged(),
)
