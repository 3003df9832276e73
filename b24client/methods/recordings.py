"""Recordings of finished calls: `telephony.externalCall.attachRecord` in its three ways.

- In the request (`FILENAME` and `FILE_CONTENT`), one request; for what is small.
- By upload (`FILENAME` alone): the portal answers with an address the file is then posted to; for any size.
- By address (`RECORD_URL`): the portal fetches the file itself, with one GET while we wait. It must be able to reach
  the address, and a batch may hold many of them.

The call has to be finished. Attaching again replaces what was there, so doing it twice is harmless.
https://apidocs.bitrix24.com/api-reference/telephony/telephony-external-call-attach-record.html
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_exponential,
    wait_random,
)

from b24client.audio import CONTENT_TYPES, BadRecording, check_content, check_name
from b24client.batch import Command
from b24client.budget import Priority
from b24client.caller import Caller
from b24client.errors import AccessDenied, B24Error, BadReply, LimitExceeded, Refused, Temporary
from b24client.record_file import RecordFile

ATTACH = "telephony.externalCall.attachRecord"
INLINE_LIMIT = 4 * 1024 * 1024
"""Up to this size (bytes) a recording rides in the request itself, one request instead of two."""
COMMAND_LIMIT = 128 * 1024
"""Up to this size (bytes) a recording may ride in a batch: its commands are escaped character by character."""
UPLOAD_SECONDS = 300.0
"""How long attaching a recording may take, all attempts included."""
FETCH_SECONDS = 90.0
"""The same when the portal fetches the file: it gives up after a minute by itself."""
ATTEMPTS = 4
FIRST_PAUSE = 0.5
"""Seconds before the second attempt; doubled for each further one, up to `LONGEST_PAUSE`, and never quite the same."""
LONGEST_PAUSE = 20.0
_DEEPEST = 3  # how far inside each other maps are searched for an id

T = TypeVar("T")


class Way(StrEnum):
    """How a recording came to the portal."""

    INLINE = "in the request"
    UPLOAD = "uploaded"
    URL = "fetched by the portal"


@dataclass(frozen=True, slots=True)
class AttachedRecord:
    """A recording the portal has. `file_id` is 0 when the portal did not tell."""

    file_id: int
    way: Way


class Recordings:
    """The three ways; `Telephony` offers them."""

    def __init__(self, portal: Caller) -> None:
        self._portal = portal

    async def attach(
        self, call_id: str, filename: str, path: Path, *, inline_limit: int, timeout: float, attempts: int
    ) -> AttachedRecord:
        """See `Telephony.attach_record`."""
        file = await asyncio.to_thread(path.open, "rb")
        try:
            source = await asyncio.to_thread(RecordFile.of, filename, file)
            async with _within(timeout):
                if source.size <= inline_limit:
                    return await self._inline(call_id, source, timeout, attempts)
                return await self._upload(call_id, source, timeout, attempts)
        finally:
            await asyncio.to_thread(file.close)

    async def attach_url(
        self, call_id: str, url: str, *, filename: str, timeout: float, attempts: int
    ) -> AttachedRecord:
        """See `Telephony.attach_record_url`."""
        params = {"CALL_ID": call_id, **_by_url(url, filename)}
        async with _within(timeout):
            result = await _persistently(lambda: self._ask(params, timeout), attempts)
        return AttachedRecord(record_file_id(result), Way.URL)

    async def _inline(self, call_id: str, source: RecordFile, timeout: float, attempts: int) -> AttachedRecord:
        content = await asyncio.to_thread(source.base64)
        params = {"CALL_ID": call_id, "FILENAME": source.filename, "FILE_CONTENT": content}
        result = await _persistently(lambda: self._ask(params, timeout), attempts)
        await asyncio.to_thread(source.check_unchanged)
        return AttachedRecord(record_file_id(result), Way.INLINE)

    async def _upload(self, call_id: str, source: RecordFile, timeout: float, attempts: int) -> AttachedRecord:
        upload = _Upload(self._portal, call_id, source, timeout)
        result = await _persistently(upload.once, attempts)
        await asyncio.to_thread(source.check_unchanged)
        return AttachedRecord(record_file_id(result), Way.UPLOAD)

    async def _ask(self, params: Mapping[str, Any], timeout: float) -> Any:
        return await self._portal.call(ATTACH, params, priority=Priority.RECORD, timeout=timeout)


def record_command(
    key: str, call_id: str, *, url: str = "", filename: str = "", content: bytes | None = None
) -> Command:
    """A recording as a command of a batch: by address, or in the command when it is small.

    `record_file_id` reads its result. Of several recordings that travel together each has a result of its own; an
    upload can't travel in a batch. Raises BadRecording for what no portal would take.
    """
    if bool(url) == (content is not None):
        raise BadRecording("record: give the url the portal shall fetch, or the content, one of the two")
    if content is None:
        return Command(key, ATTACH, {"CALL_ID": call_id, **_by_url(url, filename)})
    check_content(filename, content)
    if len(content) > COMMAND_LIMIT:
        text = f"content: {len(content)} bytes, {COMMAND_LIMIT} fit into a command of a batch; use attach_record"
        raise BadRecording(text)
    encoded = base64.b64encode(content).decode()
    return Command(key, ATTACH, {"CALL_ID": call_id, "FILENAME": filename, "FILE_CONTENT": encoded})


def record_file_id(result: Any) -> int:
    """The id of the file out of a result of attachRecord or of an upload; 0 when the portal did not tell.

    Documented is `{"FILE_ID": 9079}`; what an upload answers is not documented.
    """
    return _id_in(result, _DEEPEST)


def _id_in(value: Any, depth: int) -> int:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, Mapping):
        known = {str(name).replace("_", "").lower(): item for name, item in value.items()} if depth else {}
        return next((found for name in ("fileid", "id") if (found := _id_in(known.get(name), depth - 1))), 0)
    if isinstance(value, bool) or not isinstance(value, int | str):
        return 0
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def _by_url(url: str, filename: str) -> dict[str, str]:
    """The parameters of a recording by address; without a file name the portal takes the one in the address."""
    try:
        parts = urlsplit(url)
        shown = f"{parts.scheme}://{parts.hostname or ''}"  # the rest may be the secret that opens it
    except ValueError:
        raise BadRecording("url: not an address; write it like https://pbx.example.com/talk.mp3") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadRecording(f"url: {shown!r} is not an http or https address a portal could fetch from")
    if filename:
        check_name(filename)
        return {"RECORD_URL": url, "FILENAME": filename}
    suffix = Path(parts.path).suffix.lower()
    if suffix not in CONTENT_TYPES:
        text = f"url: the path at {shown} ends with {suffix!r}, a portal takes .wav and .mp3; give a filename with it"
        raise BadRecording(text)
    return {"RECORD_URL": url}


class _Upload:
    """An upload that goes on after failures: the address stays in use while the portal takes it."""

    def __init__(self, portal: Caller, call_id: str, source: RecordFile, timeout: float) -> None:
        self._portal = portal
        self._params = {"CALL_ID": call_id, "FILENAME": source.filename}
        self._source = source
        self._timeout = timeout
        self._address: tuple[str, str] | None = None

    async def once(self) -> Any:
        """One attempt; a refused address (expired, or used up by an attempt whose answer got lost) is replaced."""
        try:
            return await self._send()
        except (AccessDenied, Refused) as error:
            if self._address is None or not _address_is_bad(error):
                raise
        self._address = None
        return await self._send()

    async def _send(self) -> Any:
        if self._address is None:
            self._address = await self._ask()
        url, field = self._address
        await asyncio.to_thread(self._source.check_unchanged)
        try:
            return await self._portal.upload(ATTACH, url, lambda: self._source.form(field), timeout=self._timeout)
        except B24Error as error:
            await asyncio.to_thread(self._source.check_unchanged)
            if error.status == 413:
                text = f"file content: {self._source.size} bytes are more than the portal takes"
                raise Refused(ATTACH, error.code, text, 413) from error
            raise

    async def _ask(self) -> tuple[str, str]:
        """The address to post to, and the name of the form's field."""
        result = await self._portal.call(ATTACH, self._params, priority=Priority.RECORD, timeout=self._timeout)
        if not isinstance(result, Mapping) or not isinstance(result.get("uploadUrl"), str):
            raise BadReply(ATTACH, "", "result: no uploadUrl")
        return result["uploadUrl"], str(result.get("fieldName") or "file")


def _address_is_bad(error: B24Error) -> bool:
    """The refusal of an upload address is not documented; anything about authorisation or the token is taken for it."""
    return isinstance(error, AccessDenied) or "token" in f"{error.code} {error.description}".lower()


@asynccontextmanager
async def _within(seconds: float) -> AsyncIterator[None]:
    """A limit on everything inside; running into it is Temporary."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise Temporary(ATTACH, "", f"the recording was not attached within {seconds:g} s") from None


async def _persistently(work: Callable[[], Awaitable[T]], attempts: int) -> T:
    """Try again what failed for now, with growing pauses; after a limit as long as the portal asks."""
    pause = wait_exponential(multiplier=FIRST_PAUSE, max=LONGEST_PAUSE) + wait_random(0, FIRST_PAUSE)

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, LimitExceeded) else 0.0
        return max(asked, pause(state))

    async for attempt in AsyncRetrying(
        stop=stop_after_attempt(attempts), wait=wait, retry=retry_if_exception(_passes), reraise=True
    ):
        with attempt:
            return await work()
    raise AssertionError("the last attempt either returns or raises")


def _passes(error: BaseException) -> bool:
    if isinstance(error, LimitExceeded):
        return error.retry_after <= LONGEST_PAUSE
    return isinstance(error, Temporary)
