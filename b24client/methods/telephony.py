"""`telephony.*` and `voximplant.statistic.get`: the calls of an outside telephone system in a portal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from b24client.budget import Priority
from b24client.caller import Caller
from b24client.errors import Refusal, Refused
from b24client.lists import ListMethod, Progress, iterate
from b24client.methods.calls import (
    CallStatistic,
    CrmEntity,
    FinishCall,
    FinishedCall,
    RegisterCall,
    RegisteredCall,
    Utterance,
)
from b24client.methods.recordings import (
    ATTEMPTS,
    FETCH_SECONDS,
    INLINE_LIMIT,
    UPLOAD_SECONDS,
    AttachedRecord,
    Recordings,
)
from b24client.php import new_id, read, read_all

DEDUPLICATED_FOR = timedelta(minutes=25)
"""How long a repeated registration is recognised: 30 minutes in the documentation of register, with a margin."""
_REGISTER = "telephony.externalCall.register"
_FINISH = "telephony.externalCall.finish"
_SEARCH = "telephony.externalCall.searchCrmEntities"
_TRANSCRIBE = "telephony.call.attachTranscription"
_STATISTIC = ListMethod("voximplant.statistic.get", filter="FILTER", order={"SORT": "ID", "ORDER": "ASC"})


class Telephony:
    """Typed telephony methods. All raise B24Error; `timeout` in seconds, the portal's own when None."""

    def __init__(self, portal: Caller) -> None:
        self._portal = portal

    async def register(
        self, call: RegisterCall, *, priority: Priority = Priority.CARD, timeout: float | None = None
    ) -> RegisteredCall:
        """Tell the portal that a call has begun. An application's own method."""
        result = await self._portal.call(_REGISTER, call.to_params(), priority=priority, timeout=timeout)
        return read(RegisteredCall, _REGISTER, result)

    async def finish(
        self, call: FinishCall, *, priority: Priority = Priority.FINISH, timeout: float | None = None
    ) -> FinishedCall:
        """Tell the portal how a call ended; closes its cards. A second one is Refused (CALL_NOT_FOUND)."""
        result = await self._portal.call(_FINISH, call.to_params(), priority=priority, timeout=timeout)
        return read(FinishedCall, _FINISH, result)

    async def show(
        self,
        call_id: str,
        user_ids: int | Iterable[int],
        *,
        priority: Priority = Priority.CARD,
        timeout: float | None = None,
    ) -> bool:
        """Open the card for employees; False when the portal does not know the call (any more)."""
        return await self._card("telephony.externalCall.show", call_id, user_ids, priority, timeout)

    async def hide(
        self,
        call_id: str,
        user_ids: int | Iterable[int],
        *,
        priority: Priority = Priority.CARD,
        timeout: float | None = None,
    ) -> bool:
        """Close the card of employees; False when the portal does not know the call (any more)."""
        return await self._card("telephony.externalCall.hide", call_id, user_ids, priority, timeout)

    async def _card(
        self, method: str, call_id: str, user_ids: int | Iterable[int], priority: Priority, timeout: float | None
    ) -> bool:
        params = card_params(call_id, user_ids)
        return bool(await self._portal.call(method, params, priority=priority, timeout=timeout))

    async def search_crm_entities(
        self, phone: str, *, priority: Priority = Priority.LOOKUP, timeout: float | None = None
    ) -> list[CrmEntity]:
        """The clients with a number, the one the portal thinks most likely first."""
        result = await self._portal.call(_SEARCH, {"PHONE_NUMBER": phone}, priority=priority, timeout=timeout)
        return read_all(CrmEntity, _SEARCH, result)

    @cached_property
    def _recordings(self) -> Recordings:
        return Recordings(self._portal)

    async def attach_record(
        self,
        call_id: str,
        filename: str,
        path: Path,
        *,
        inline_limit: int = INLINE_LIMIT,
        timeout: float = UPLOAD_SECONDS,
        attempts: int = ATTEMPTS,
    ) -> AttachedRecord:
        """Attach a WAV or MP3 file to a finished call, in place of an earlier one.

        Up to `inline_limit` bytes it rides in the request, a larger one is streamed from disk; what fails for now is
        tried again within `timeout` seconds. Raises BadRecording (a ValueError) for a file no portal would take,
        UnfinishedRecording for one that is still being written, OSError when it can't be read, Refused (NOT_FINISHED)
        before the call's finish.
        """
        return await self._recordings.attach(
            call_id, filename, path, inline_limit=inline_limit, timeout=timeout, attempts=attempts
        )

    async def attach_record_url(
        self,
        call_id: str,
        url: str,
        *,
        filename: str = "",
        timeout: float = FETCH_SECONDS,
        attempts: int = ATTEMPTS,
    ) -> AttachedRecord:
        """Have the portal fetch a recording, with one GET while we wait; the address has to end with .wav or .mp3
        unless a `filename` does.

        Raises BadRecording for an address no portal would take, Refused (NOT_FETCHED) when it could not get the file:
        then `attach_record` is the way.
        """
        return await self._recordings.attach_url(call_id, url, filename=filename, timeout=timeout, attempts=attempts)

    async def attach_transcription(
        self,
        call_id: str,
        utterances: Sequence[Utterance],
        *,
        cost: float | None = None,
        cost_currency: str = "",
        priority: Priority = Priority.RECORD,
        timeout: float | None = None,
    ) -> int:
        """Attach what was said in a finished call; the portal's id of it.

        https://apidocs.bitrix24.com/api-reference/telephony/telephony-call-attach-transcription.html. Raises ValueError
        without an utterance, Refused (NOT_FINISHED) before the call's finish.
        """
        if not utterances:
            raise ValueError("utterances: there is none; a transcription needs one at least")
        params: dict[str, Any] = {"CALL_ID": call_id, "MESSAGES": [utterance.to_params() for utterance in utterances]}
        if cost is not None:
            params |= {"COST": cost, "COST_CURRENCY": cost_currency}
        result = await self._portal.call(_TRANSCRIBE, params, priority=priority, timeout=timeout)
        return new_id(_TRANSCRIBE, result, "TRANSCRIPT_ID")

    async def statistic(
        self,
        filter: Mapping[str, Any],  # noqa: A002
        *,
        priority: Priority = Priority.SYNC,
    ) -> list[CallStatistic]:
        """Finished calls that match, of all pages, the oldest first."""
        return [row async for row in self.iterate_statistic(filter, priority=priority)]

    async def iterate_statistic(
        self,
        filter: Mapping[str, Any] | None = None,  # noqa: A002
        *,
        priority: Priority = Priority.SYNC,
        progress: Progress | None = None,
    ) -> AsyncIterator[CallStatistic]:
        """The same one by one; needs the right to view the call statistics (AccessDenied without).

        https://apidocs.bitrix24.com/api-reference/telephony/voximplant/voximplant-statistic-get.html
        """
        condition = {"FILTER": dict(filter or {})}
        async for row in iterate(self._portal, _STATISTIC, condition, priority=priority, progress=progress):
            yield read(CallStatistic, _STATISTIC.name, row)

    async def find(
        self,
        *,
        external_call_id: str = "",
        call_id: str = "",
        priority: Priority = Priority.FINISH,
        timeout: float | None = None,
    ) -> CallStatistic | None:
        """The finished call of this id (one of the two), None when the statistics have none: it is not finished, or
        never came to the portal. Of several the earliest.
        """
        if bool(external_call_id) == bool(call_id):
            raise ValueError("find: give external_call_id or call_id, one of the two and not empty")
        wanted = {"CALL_ID": call_id} if call_id else {"EXTERNAL_CALL_ID": external_call_id}
        params = {"FILTER": wanted, **_STATISTIC.order, "start": -1}
        rows, _ = await self._portal.page(_STATISTIC.name, params, priority=priority, timeout=timeout)
        return next(iter(read_all(CallStatistic, _STATISTIC.name, rows)), None)

    async def settle_register(
        self,
        call: RegisterCall,
        sent_at: datetime,
        *,
        priority: Priority = Priority.CARD,
        timeout: float | None = None,
    ) -> RegisteredCall:
        """The registration whose answer was lost (UnknownOutcome); `call` exactly as it was sent at `sent_at`.

        Within half an hour the portal recognises a repeated registration of an unfinished call and answers with the
        CALL_ID it has; later the statistics are asked, and only a call that is not there is registered anew. (One that
        was registered but not finished by then leaves no trace to find.) Raises ValueError without an
        `external_call_id`, by which alone the portal tells two calls of one number apart.
        """
        if not call.external_call_id:
            raise ValueError("external_call_id: not given; without it nobody can tell which call the portal has")
        if datetime.now(sent_at.tzinfo) - sent_at > DEDUPLICATED_FOR:
            known = await self.find(external_call_id=call.external_call_id, priority=priority, timeout=timeout)
            if known is not None:
                return RegisteredCall(
                    call_id=known.call_id, crm_entity_type=known.crm_entity_type, crm_entity_id=known.crm_entity_id
                )
        return await self.register(call, priority=priority, timeout=timeout)

    async def settle_finish(
        self, call: FinishCall, *, priority: Priority = Priority.FINISH, timeout: float | None = None
    ) -> FinishedCall:
        """The finish whose answer was lost (UnknownOutcome): what the statistics have of it; sent again only when they
        have nothing, and looked up once more when the portal then says it was finished already.
        """
        known = await self.find(call_id=call.call_id, priority=priority, timeout=timeout)
        if known is None:
            try:
                return await self.finish(call, priority=priority, timeout=timeout)
            except Refused as error:
                if error.reason is not Refusal.CALL_NOT_FOUND:
                    raise
                known = await self.find(call_id=call.call_id, priority=priority, timeout=timeout)
                if known is None:
                    raise
        return FinishedCall.of(known)


def card_params(call_id: str, user_ids: int | Iterable[int]) -> dict[str, Any]:
    """The parameters of show and hide, for a call or a batch command; `call_id` may be a batch reference."""
    return {"CALL_ID": call_id, "USER_ID": [user_ids] if isinstance(user_ids, int) else list(user_ids)}
