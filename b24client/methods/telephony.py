"""`telephony.*` and `voximplant.statistic.get`: the calls of an outside telephone system in a portal."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from b24client.budget import Priority
from b24client.caller import Caller
from b24client.errors import BadReply
from b24client.methods.calls import CallStatistic, CrmEntity, FinishCall, FinishedCall, RegisterCall, RegisteredCall
from b24client.methods.transcripts import Said
from b24client.php import new_id, read, read_all

INLINE_LIMIT = 4 * 1024 * 1024
"""Up to this size (bytes) a recording rides in the request itself, one request instead of two."""
UPLOAD_SECONDS = 300.0
"""How long sending a recording may take."""
_REGISTER = "telephony.externalCall.register"
_FINISH = "telephony.externalCall.finish"
_ATTACH = "telephony.externalCall.attachRecord"
_SEARCH = "telephony.externalCall.searchCrmEntities"
_TRANSCRIPT = "telephony.call.attachTranscription"
_STATISTIC = "voximplant.statistic.get"


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

    async def attach_record(
        self,
        call_id: str,
        filename: str,
        path: Path,
        *,
        inline_limit: int = INLINE_LIMIT,
        timeout: float = UPLOAD_SECONDS,
    ) -> int:
        """Attach a WAV or MP3 file to a finished call; the portal's id of it (0 when it does not tell).

        A large file is streamed from disk. Raises ValueError for a file no portal would take, OSError when it can't be
        read, Refused (NOT_FINISHED) before the call's finish.
        """
        if not filename.lower().endswith((".wav", ".mp3")):
            raise ValueError(f"recording: {filename!r}; a portal takes only .wav and .mp3 files")
        size = (await asyncio.to_thread(path.stat)).st_size
        if size == 0:
            raise ValueError(f"recording: {filename!r} is empty")
        params = {"CALL_ID": call_id, "FILENAME": filename}
        if size <= inline_limit:
            params["FILE_CONTENT"] = await asyncio.to_thread(lambda: base64.b64encode(path.read_bytes()).decode())
        result = await self._portal.call(_ATTACH, params, priority=Priority.RECORD, timeout=timeout)
        if size > inline_limit:
            result = await self._uploaded(result, filename, path, timeout)
        return _file_id(result)

    async def _uploaded(self, result: Any, filename: str, path: Path, timeout: float) -> Any:
        if not isinstance(result, Mapping) or not isinstance(result.get("uploadUrl"), str):
            raise BadReply(_ATTACH, "", "result: no uploadUrl")
        field, url = str(result.get("fieldName") or "file"), result["uploadUrl"]
        kind = "audio/mpeg" if filename.lower().endswith(".mp3") else "audio/x-wav"
        file = await asyncio.to_thread(path.open, "rb")
        with file:

            def form() -> aiohttp.FormData:
                file.seek(0)
                fields = aiohttp.FormData()
                fields.add_field(field, file, filename=filename, content_type=kind)
                return fields

            return await self._portal.upload(_ATTACH, url, form, timeout=timeout)

    async def attach_transcription(
        self,
        call_id: str,
        said: Sequence[Said],
        *,
        cost: float | None = None,
        cost_currency: str = "",
        priority: Priority = Priority.RECORD,
    ) -> int:
        """Give a finished call what was said in it, instead of an earlier transcript; the transcript's id.

        Refused (NOT_FINISHED) for a call that is unknown or not over. Raises ValueError when nothing was said.
        """
        if not said:
            raise ValueError("transcription: there is nothing in it")
        params: dict[str, Any] = {"CALL_ID": call_id, "MESSAGES": [line.to_params() for line in said]}
        if cost is not None:
            params |= {"COST": cost, "COST_CURRENCY": cost_currency}
        return new_id(_TRANSCRIPT, await self._portal.call(_TRANSCRIPT, params, priority=priority), "TRANSCRIPT_ID")

    async def statistic(
        self,
        filter: Mapping[str, Any],  # noqa: A002
        *,
        priority: Priority = Priority.SYNC,
        timeout: float | None = None,
    ) -> list[CallStatistic]:
        """Finished calls that match, of all pages; `{"EXTERNAL_CALL_ID": "..."}` finds out what became of one."""
        rows: list[CallStatistic] = []
        start: int | None = 0
        while start is not None:
            params = {"FILTER": dict(filter), "SORT": "ID", "ORDER": "ASC", "start": start}
            result, following = await self._portal.page(_STATISTIC, params, priority=priority, timeout=timeout)
            rows += read_all(CallStatistic, _STATISTIC, result)
            start = following if following is not None and following > start else None
        return rows


def card_params(call_id: str, user_ids: int | Iterable[int]) -> dict[str, Any]:
    """The parameters of show and hide, for a call or a batch command; `call_id` may be a batch reference."""
    return {"CALL_ID": call_id, "USER_ID": [user_ids] if isinstance(user_ids, int) else list(user_ids)}


def _file_id(result: Any) -> int:
    value = result.get("FILE_ID") if isinstance(result, Mapping) else None
    return int(value) if isinstance(value, int | str) and str(value).isdigit() else 0
