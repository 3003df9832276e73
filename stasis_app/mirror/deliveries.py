"""Carrying one operation to the portal, and reading its answer as a verdict."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from loguru import logger

from b24client import B24Error, BadReply, EntityType, Refusal, Refused, Temporary, UnknownOutcome
from stasis_app.incidents import RECORDING_MISSING, Incidents
from stasis_app.mirror.operations import NUMBER_OF_NOBODY, digits_only, finish_call, parts_of, register_call
from stasis_app.mirror.people import People, anybody
from stasis_app.mirror.portal_calls import Change, Note, Opening, PortalCalls, Registered, Reminder
from stasis_app.mirror.recordings import Part, RecordingError, Recordings
from stasis_app.store import DONE, DROPPED, OPEN, REFUSED, OutboxRow

DEDUPLICATED_FOR = 25 * 60.0
"""Seconds in which a repeated registration is recognised (30 minutes in the documentation of register, with a margin).

https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-call-register.html
"""

STATISTICS_LAG = 20
"""Attempts to deliver a recording before the portal's word that the call is not finished is believed."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an operation: its final state, or (with a new `body`) how to say it differently.

    OPEN of an end that went along with a registration: nobody knows whether the portal took it.
    `shown`: the card was opened in the same request; `finish`: what became of the end that went along.
    """

    state: str = DONE
    reason: str = ""
    answer: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    shown: bool = False
    finish: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Beginning:
    """What may travel with the registration: the users whose card opens, or the end of a call that is over."""

    show: frozenset[int] = frozenset()
    finish: OutboxRow | None = None


@dataclass(frozen=True, slots=True)
class Doubt:
    """What the portal may have done without our knowing."""

    registered: bool = False
    finished: bool = False


class NotYet(B24Error):
    """Something is missing that may come by itself; the portal is not to blame."""

    retry_after = 2.0


class Unreadable(NotYet):
    """A recording is there and can't be read, or there is no room to convert it: somebody has to mend that first."""

    retry_after = 30.0


class Deliveries:
    """All operations. Methods raise `B24Error` when the operation is to be tried again as it is."""

    def __init__(
        self,
        portal: PortalCalls,
        recordings: Recordings,
        people: People,
        default_user: int | None,
        incidents: Incidents,
    ) -> None:
        self._incidents = incidents
        self._portal = portal
        self._recordings = recordings
        self._people = people
        self._default_user = default_user

    @property
    def is_crowded(self) -> bool:
        """Whether requests are scarce."""
        return self._portal.is_crowded

    @staticmethod
    def is_outage(error: B24Error) -> bool:
        """Whether the portal was not there, rather than unwilling."""
        return isinstance(error, Temporary | UnknownOutcome)

    @staticmethod
    def may_have_acted(error: B24Error) -> bool:
        """Whether the portal may have done what it was asked, though it did not say so."""
        return isinstance(error, UnknownOutcome | BadReply)

    @staticmethod
    def may_act_yet(error: B24Error) -> bool:
        """Whether the portal may still be about it: nothing came back, or only a gateway's word that it waited."""
        return isinstance(error, UnknownOutcome) and error.status in (0, 502, 504)

    async def register(
        self, row: OutboxRow, opening: Callable[[], Beginning | None], *, live: bool, since: float, doubt: Doubt
    ) -> Verdict:
        """Register the call, with its first cards or its end. `doubt`: what an earlier attempt may have done."""
        body = self._with_users(row.body)
        if body is None:
            raise NotYet("register", "", "no employee of the portal is known yet")
        if not row.body["users"]:
            # Whoever stands in is written down first: sent again for somebody else it would be another call.
            return Verdict(DROPPED, "somebody is known to register it for", body=body)
        if doubt.finished or (doubt.registered and time.time() - row.opened_at > DEDUPLICATED_FOR):
            known = await self._portal.finished_before(row.call_id)
            if known:
                found = "found in the portal's statistics"
                return Verdict(answer={"call_id": known}, reason=found, finish=Verdict(reason=found))
        end: dict[str, Any] | None = None

        def told() -> Opening | None:
            nonlocal end
            begins = opening()
            if begins is None:
                return None
            end = self._with_users(begins.finish.body) if begins.finish is not None else None
            return Opening(begins.show, finish_call("", end) if end else None)

        try:
            done = await self._portal.register(register_call(row.call_id, body), told, live=live, since=since)
        except Refused as error:
            return self._otherwise(error, body)
        if done is None:
            return Verdict(DROPPED, "too early")
        finish = self._ending(done, end) if end is not None else None
        answer: dict[str, Any] = {"call_id": done.call_id}
        if done.entity_id:
            answer |= {"entity_type": done.entity_type, "entity_id": done.entity_id}
        if done.created_lead:
            answer["created_lead"] = True
        return Verdict(answer=answer, shown=done.shown, finish=finish)

    async def cards(
        self, portal_call_id: str, expected: Change, change: Callable[[], Change | None], *, since: float
    ) -> Verdict:
        """Open and close the card, as is right when the request goes out."""
        try:
            sent = await self._portal.cards(portal_call_id, expected, change, since=since)
        except Refused as error:
            return Verdict(REFUSED, str(error))
        return Verdict() if sent else Verdict(DROPPED, "overtaken by what happened next")

    async def finish(self, row: OutboxRow, portal_call_id: str, *, since: float, doubt: bool) -> Verdict:
        """Write the call down. `doubt`: an earlier attempt may have succeeded; then we look before we say it again.

        We also look when the portal knows of no such call to finish: what we do not remember may have been done.
        """
        body = self._with_users(row.body)
        if body is None:
            raise NotYet("finish", "", "no employee of the portal is known yet")
        if doubt and await self._portal.is_finished(portal_call_id):
            return Verdict(reason="an earlier attempt had succeeded, its answer was lost")
        try:
            await self._portal.finish(finish_call(portal_call_id, body), since=since)
        except Refused as error:
            unknown = error.reason is Refusal.CALL_NOT_FOUND
            if unknown and (doubt or await self._portal.is_finished(portal_call_id)):
                return Verdict(reason="an earlier attempt succeeded, its answer was lost")
            return self._otherwise(error, body)
        return Verdict()

    async def reach(self, portal_call_id: str) -> None:
        """Find out whether the portal answers at all. Raises `B24Error` when it does not."""
        await self._portal.is_finished(portal_call_id)

    async def recording(self, row: OutboxRow, portal_call_id: str) -> Verdict:
        """Deliver the recording of a finished call."""
        parts, lacking = parts_of(row.body), list[str]()
        try:
            await self._handed_over(portal_call_id, parts, lacking)
        except (RecordingError, ValueError) as error:
            return Verdict(REFUSED, f"the recording can't be delivered: {error}")
        except OSError as error:
            self._incidents.report(RECORDING_MISSING, f"call {row.call_id}: it can't be read or converted now: {error}")
            # A full disk, a spool that is not mounted, a folder somebody has to open to us: the file itself is well.
            raise Unreadable("the recording", "", f"the file can't be read or converted now: {error}") from error
        except Refused as error:
            if error.reason is Refusal.NOT_FINISHED and row.attempts < STATISTICS_LAG:
                raise NotYet(error.method, error.code, error.description) from error
            return Verdict(REFUSED, str(error))
        if lacking:
            # Nothing is deleted then: somebody may want to look for the rest.
            told = f"it was delivered without a part of it: {'; '.join(lacking)}"
            self._incidents.report(RECORDING_MISSING, f"call {row.call_id}: {told}")
            return Verdict(reason=f"without a part of it: {'; '.join(lacking)}")
        await self._recordings.delivered(*parts)
        return Verdict()

    async def todo(self, row: OutboxRow, registered: dict[str, Any], *, doubt: bool) -> Verdict:
        """Have the responsible hear a message. `registered`: what the registration said of the client."""
        body = self._with_users(row.body)
        if body is None:
            raise NotYet("todo", "", "no employee of the portal is known yet")
        reminder = Reminder(
            body["title"],
            body["users"][0],
            datetime.fromisoformat(body["deadline"]),
            about=row.call_id,
            entity=_client(body, registered),
        )
        if doubt and await self._portal.is_reminded(reminder):
            return Verdict(reason="an earlier attempt had succeeded, its answer was lost")
        try:
            await self._portal.remind(reminder)
        except Refused as error:
            return self._otherwise(error, body)
        return Verdict()

    async def note(self, row: OutboxRow, registered: dict[str, Any], *, doubt: bool) -> Verdict:
        """Write down in the client's history who talked with him. `registered`: what the registration said of him."""
        entity = _client(row.body, registered)
        if entity is None:
            return Verdict(DROPPED, "the CRM knows no client with this number")
        note = Note(entity, row.body["text"], row.body["mark"])
        if doubt and await self._portal.is_noted(note):
            return Verdict(reason="an earlier attempt had succeeded, its answer was lost")
        try:
            await self._portal.note(note)
        except Refused as error:
            return Verdict(REFUSED, str(error))
        return Verdict()

    async def _handed_over(self, portal_call_id: str, parts: tuple[Part, ...], lacking: list[str]) -> None:
        """By address, which travels with others, where the portal can fetch it; else the file itself."""
        if self._recordings.fetched_by_portal:
            try:
                async with self._recordings.published(*parts, lacking=lacking) as url:
                    await self._portal.attach_url(portal_call_id, url)
                return
            except Refused as error:
                if error.reason is not Refusal.NOT_FETCHED:
                    raise
                logger.warning("The portal could not fetch the recording {}, so it is sent: {}", parts[0].name, error)
                lacking.clear()
        async with self._recordings.prepared(*parts, lacking=lacking) as (path, filename):
            await self._portal.attach(portal_call_id, filename, path)

    def _with_users(self, body: dict[str, Any]) -> dict[str, Any] | None:
        """The body with somebody the call may belong to; None while nobody is known."""
        refused = body.get("refused_users", [])
        fallback = [self._default_user] if self._default_user else []
        users = [user for user in (*body["users"], *fallback, *anybody(self._people)) if user not in refused]
        return {**body, "users": list(dict.fromkeys(users))} if users else None

    def _ending(self, done: Registered, end: dict[str, Any]) -> Verdict | None:
        """What became of the end that went along; None when it has to be told by itself."""
        if done.finished:
            return Verdict()
        error = done.failure
        if isinstance(error, Refused) and error.reason is not Refusal.CALL_NOT_FOUND:
            return self._otherwise(error, end)
        if error is not None and self.may_have_acted(error):
            return Verdict(OPEN, str(error))
        return None

    def _otherwise(self, error: Refused, body: dict[str, Any]) -> Verdict:
        """How to say differently what the portal refused, if there is a way."""
        if error.reason is Refusal.USER_NOT_FOUND and len(body["users"]) > 1:
            refused, *others = body["users"]
            turned_down = [*body.get("refused_users", []), refused]
            return Verdict(body={**body, "users": others, "refused_users": turned_down}, reason=str(error))
        if error.reason is Refusal.BAD_NUMBER and body.get("number", NUMBER_OF_NOBODY) != NUMBER_OF_NOBODY:
            digits = digits_only(body["number"])
            number = NUMBER_OF_NOBODY if digits == body["number"] else digits
            return Verdict(body={**body, "number": number}, reason=str(error))
        return Verdict(REFUSED, str(error))


def _client(body: dict[str, Any], registered: dict[str, Any]) -> tuple[str, int] | None:
    """The entity of the CRM a call is about: as we knew it, else as the portal said when it was registered."""
    entity_id = body["entity_id"] or registered.get("entity_id")
    entity_type = body["entity_type"] or registered.get("entity_type", "")
    return (entity_type, int(entity_id)) if entity_id and entity_type in EntityType.__members__ else None
