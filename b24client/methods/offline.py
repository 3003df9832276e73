"""Events the portal keeps until they are fetched (https://apidocs.bitrix24.com/api-reference/events/offline-events.html).

Several changes of one entity are one event, so what an event tells is only *that* something changed: fetch what it is
now. Fetching reserves: the portal gives out each event once. When the answer of a fetch is lost, its events stay
reserved for a process nobody knows; they are found again in the list of all.
"""

from __future__ import annotations

import builtins
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from loguru import logger
from pydantic import Field

from b24client.budget import Priority
from b24client.caller import Caller
from b24client.errors import BadReply, UnknownOutcome
from b24client.lists import ListMethod, iterate
from b24client.php import Moment, Reply, Text, Truth, read

_LIST = ListMethod("event.offline.list")
_PAGE = 50


class OfflineEvent(Reply):
    """Something changed. `data` is what an ordinary event would tell, such as `{"FIELDS": {"ID": "7"}}`."""

    id: int
    timestamp: Moment = None
    event: Text = ""
    data: dict[str, Any] = Field(default_factory=dict)
    message_id: Text = ""
    process_id: Text = ""
    """Who has reserved it, "" for nobody."""
    error: Truth = False

    @classmethod
    def of(cls, row: Any) -> OfflineEvent:
        """A row of the portal's queue. Raises BadReply."""
        if not isinstance(row, Mapping):
            raise BadReply("event.offline", "", "result: a row is not a map")
        data = row.get("EVENT_DATA")
        plain = {"DATA": data if isinstance(data, Mapping) else {}, "EVENT": row.get("EVENT_NAME")}
        return read(cls, "event.offline", {**row, **plain, "TIMESTAMP": row.get("TIMESTAMP_X")})

    @property
    def entity_id(self) -> str:
        """The id of the changed entity, "" when the event names none."""
        fields = self.data.get("FIELDS")
        fields = fields if isinstance(fields, Mapping) else {}
        return str(fields.get("ID") or fields.get("ENTITY_ID") or "")


@dataclass(frozen=True, slots=True)
class Processed:
    """How a pass over the queue went."""

    done: int
    failed: int


class OfflineEvents:
    """`event.offline.*`: an installed application's own; bind the events first (`events.bind_offline`).

    `consume` and `process` clear an event only after the work on it. After a crash or a lost answer it comes again, so
    the work has to bear being done twice.
    """

    def __init__(self, portal: Caller) -> None:
        self._portal = portal

    async def consume(
        self,
        filter: Mapping[str, Any] | None = None,  # noqa: A002
        *,
        auth_connector: str = "",
        recover: bool = True,
    ) -> AsyncGenerator[OfflineEvent, None]:
        """All waiting events, oldest first, until there are none.

        An event counts as done when the next one is asked for, and only then is cleared. Wrap the loop in
        `contextlib.aclosing` when it may be left early, so that what is done is cleared at once. `recover`: begin with
        events that were reserved and never cleared; say False where several consumers share the queue. Raises B24Error.
        """
        async for process_id, rows in self._taken(filter, auth_connector, recover):
            async with aclosing(self._settled(process_id, rows)) as settled:
                async for event in settled:
                    yield event

    async def process(
        self,
        work: Callable[[OfflineEvent], Awaitable[None]],
        filter: Mapping[str, Any] | None = None,  # noqa: A002
        *,
        auth_connector: str = "",
        recover: bool = True,
    ) -> Processed:
        """Do some work on each waiting event. One whose work raises is marked as failed, and the next one follows.

        Failed events are not given out again unless asked for (`get(errors=True)`). Raises B24Error when the portal
        can't be asked; an exception of the work never.
        """
        done = failed = 0
        async for process_id, rows in self._taken(filter, auth_connector, recover):
            bad: builtins.list[OfflineEvent] = []
            async with aclosing(self._settled(process_id, rows, bad)) as settled:
                async for event in settled:
                    try:
                        await work(event)
                    except Exception as error:
                        logger.warning("offline event {} {} failed: {!r}", event.event, event.entity_id, error)
                        bad.append(event)
            done, failed = done + len(rows) - len(bad), failed + len(bad)
        return Processed(done, failed)

    async def _taken(
        self,
        filter: Mapping[str, Any] | None,  # noqa: A002
        auth_connector: str,
        recover: bool,
    ) -> AsyncIterator[tuple[str, builtins.list[OfflineEvent]]]:
        """Reserved events by process: stranded ones first, then page by page those that wait."""
        stranded = recover
        while True:
            if stranded:
                for process_id, rows in await self._stranded(filter):
                    yield process_id, rows
                stranded = False
            try:
                process_id, rows = await self.get(filter, auth_connector=auth_connector)
            except UnknownOutcome:
                if not recover:
                    raise
                logger.warning("the answer of event.offline.get was lost; its events are looked for in the list")
                stranded = True
                continue
            if rows:
                yield process_id, rows
            if len(rows) < _PAGE:
                return

    async def _stranded(
        self,
        filter: Mapping[str, Any] | None,  # noqa: A002
    ) -> builtins.list[tuple[str, builtins.list[OfflineEvent]]]:
        """Events that were reserved and never cleared, by process."""
        rows = [row async for row in self.list({**(filter or {}), "!PROCESS_ID": ""})]
        reserved = sorted((row for row in rows if row.process_id and not row.error), key=lambda row: row.process_id)
        return [
            (process_id, sorted(group, key=lambda row: row.id))
            for process_id, group in groupby(reserved, key=lambda row: row.process_id)
        ]

    async def _settled(
        self, process_id: str, rows: Sequence[OfflineEvent], bad: Sequence[OfflineEvent] = ()
    ) -> AsyncGenerator[OfflineEvent, None]:
        """The events one by one. In the end, however it comes, those dealt with are cleared, the `bad` marked."""
        seen: builtins.list[OfflineEvent] = []
        try:
            for row in rows:
                yield row.model_copy(update={"process_id": process_id})
                seen.append(row)
        finally:
            failed = {row.id for row in bad}
            if bad:
                await self.fail(process_id, bad)
            if done := [row for row in seen if row.id not in failed]:
                await self.clear(process_id, done)

    async def get(
        self,
        filter: Mapping[str, Any] | None = None,  # noqa: A002
        *,
        auth_connector: str = "",
        errors: bool = False,
        limit: int = _PAGE,
    ) -> tuple[str, builtins.list[OfflineEvent]]:
        """Reserve up to `limit` waiting events; the process they are reserved for, and the events.

        `errors`: those marked as failed too. A lost answer is an UnknownOutcome: the events are reserved then.
        Source: https://apidocs.bitrix24.com/api-reference/events/event-offline-get.html
        """
        params: dict[str, Any] = {"clear": 0, "limit": limit, "error": int(errors)}
        params |= {"filter": dict(filter)} if filter else {}
        params |= {"auth_connector": auth_connector} if auth_connector else {}
        result = await self._portal.call("event.offline.get", params, priority=Priority.SYNC)
        rows = result.get("events") if isinstance(result, Mapping) else None
        if not isinstance(rows, builtins.list):
            raise BadReply("event.offline.get", "", "result: no list of events")
        return str(result.get("process_id") or ""), [OfflineEvent.of(row) for row in rows]

    async def list(
        self,
        filter: Mapping[str, Any] | None = None,  # noqa: A002
    ) -> AsyncIterator[OfflineEvent]:
        """All events by ascending id, reserved and failed ones too, without touching them.

        Source: https://apidocs.bitrix24.com/api-reference/events/event-offline-list.html
        """
        async for row in iterate(self._portal, _LIST, {"filter": dict(filter or {})}):
            yield OfflineEvent.of(row)

    async def clear(self, process_id: str, events: Sequence[OfflineEvent] | None = None) -> None:
        """Events have been dealt with: those given, or all of the process.

        Source: https://apidocs.bitrix24.com/api-reference/events/event-offline-clear.html
        """
        params: dict[str, Any] = {"process_id": process_id}
        if events is not None:
            params["id"] = [event.id for event in events]
        await self._portal.call("event.offline.clear", params, priority=Priority.SYNC)

    async def fail(self, process_id: str, events: Sequence[OfflineEvent]) -> None:
        """Events could not be dealt with.

        Source: https://apidocs.bitrix24.com/api-reference/events/event-offline-error.html
        """
        params = {"process_id": process_id, "message_id": [event.message_id for event in events]}
        await self._portal.call("event.offline.error", params, priority=Priority.SYNC)
