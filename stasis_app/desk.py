"""Moving calls for the control API: finds the live call, and says in the API's words what was refused and why."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from stasis_app.ari import AriError, Gone
from stasis_app.calls import Call, Tracker
from stasis_app.calls.facts import Parked
from stasis_app.calls.moves import ImpossibleMove, conference, holding, pickup, supervision
from stasis_app.calls.moves.parking import ParkingLot
from stasis_app.calls.moves.supervision import Mode
from stasis_app.crm import Directory, Numbers
from stasis_app.flow.whom import is_outside, target_of
from stasis_app.http import NoSuchCallError, NotAllowedError, NotPossibleError, UnavailableError


class MoveDesk:
    """Implements `stasis_app.http.dependencies.CallMoves`.

    Args:
        tracker: the live calls.
        directory: the employees.
        numbers: reads the numbers they are invited at.
        lot: where calls are parked.
        supervisors: the extensions that may listen to calls.
        dialled: an outside number as the trunk takes it.
    """

    def __init__(
        self,
        tracker: Tracker,
        directory: Directory,
        numbers: Numbers,
        lot: ParkingLot,
        *,
        supervisors: Collection[str],
        dialled: Callable[[str], str],
    ) -> None:
        self._tracker = tracker
        self._directory = directory
        self._numbers = numbers
        self._lot = lot
        self._supervisors = supervisors
        self._dialled = dialled

    async def change(self, call_id: str, participant: str, *, held: bool | None, muted: bool | None) -> None:
        """Put the others on hold or take them back, mute or unmute."""
        call = self._call(call_id)
        with _in_the_apis_words():
            if muted is not None:
                await (holding.mute if muted else holding.unmute)(call, participant)
            if held is not None:
                await (holding.hold if held else holding.resume)(call, participant)

    async def send_dtmf(self, call_id: str, participant: str, digits: str) -> None:
        """Send keys to a participant."""
        with _in_the_apis_words():
            await holding.send_dtmf(self._call(call_id), participant, digits)

    async def invite(self, call_id: str, to: str) -> str:
        """Ring an extension or an outside number into the conversation; the id of the leg.

        At an employee's own number it is he who is invited.
        """
        call = self._call(call_id)
        target = target_of(self._dialled(to) if is_outside(to) else to, self._directory, self._numbers)
        with _in_the_apis_words():
            return conference.invite(call, target)

    async def dismiss(self, call_id: str, participant: str) -> None:
        """Take a participant out of the call."""
        with _in_the_apis_words():
            await conference.dismiss(self._call(call_id), participant)

    async def park(self, call_id: str, participant: str, slot: str) -> Parked:
        """Let the participant leave the call waiting."""
        with _in_the_apis_words():
            return self._lot.park(self._call(call_id), participant, slot)

    async def pick_up(self, call_id: str, extension: str) -> None:
        """Let an extension take a call that rings at colleagues."""
        with _in_the_apis_words():
            await pickup.take_with_phone(self._call(call_id), extension, self._name(extension))

    async def supervise(self, call_id: str, extension: str, mode: Mode) -> None:
        """Let a supervisor follow a call, or change how he does."""
        if extension not in self._supervisors:
            raise NotAllowedError(f"extension {extension} is not among [phones] supervisors of the configuration")
        with _in_the_apis_words():
            await supervision.supervise(self._call(call_id), extension, mode)

    async def stop_supervising(self, call_id: str, extension: str) -> None:
        """Send a supervisor away."""
        with _in_the_apis_words():
            await supervision.stop(self._call(call_id), extension)

    def _call(self, call_id: str) -> Call:
        call = self._tracker.get(call_id)
        if call is None or call.state.ended:
            raise NoSuchCallError(call_id)
        return call

    def _name(self, extension: str) -> str:
        employee = self._directory.by_extension(extension)
        return employee.name if employee else ""


@contextmanager
def _in_the_apis_words() -> Iterator[None]:
    try:
        yield
    except ImpossibleMove as error:
        raise NotPossibleError(str(error)) from error
    except Gone as error:
        raise NotPossibleError("somebody left the call in this moment") from error
    except AriError as error:
        raise UnavailableError(f"Asterisk did not carry it out: {error}") from error
