"""What the CRM's history of a client says about a call that was moved: who talked with him from when to when.

The portal itself credits a call to one employee; this names the others. Pure: a record in, text out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Literal

from stasis_app.calls.facts import Party, PartyKind, TransferResult
from stasis_app.calls.record import CallRecord, Talk, Transfer

Language = Literal["en", "ru"]


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language; `results` says what came of a transfer."""

    title: str
    talked: str
    transferred: str
    taken: str
    nobody: str
    results: dict[TransferResult, str]


WORDS: dict[Language, Words] = {
    "en": Words(
        title="Who talked in this call",
        talked="{who} talked ({length})",
        transferred="{who} transferred the call to {to}: {result}",
        taken="taken by {who}",
        nobody="withheld",
        results={
            TransferResult.COMPLETED: "completed",
            TransferResult.CONFERENCE: "they talked together",
            TransferResult.CANCELLED: "taken back",
            TransferResult.REFUSED: "no such destination",
            TransferResult.UNANSWERED: "nobody answered",
            TransferResult.ABANDONED: "the other side hung up first",
        },
    ),
    "ru": Words(
        title="Кто говорил в этом звонке",
        talked="{who}: разговор ({length})",
        transferred="{who}: перевод на {to}: {result}",
        taken="принял(а) {who}",
        nobody="номер скрыт",
        results={
            TransferResult.COMPLETED: "переведён",
            TransferResult.CONFERENCE: "разговор втроём",
            TransferResult.CANCELLED: "отменён",
            TransferResult.REFUSED: "нет такого номера",
            TransferResult.UNANSWERED: "не ответили",
            TransferResult.ABANDONED: "собеседник положил трубку",
        },
    ),
}


def mark(call_id: str) -> str:
    """What tells a note of this call from any other text."""
    return f"({call_id})"


def note(
    record: CallRecord, name_of: Callable[[str], str], language: Language, zone: tzinfo | None = None
) -> str | None:
    """The note about an ended call; None about one with nothing to tell: one conversation, never moved.

    `name_of` is the name of the employee with an extension, "" when it is not known; `zone` is that of the times
    written (None: this machine's).
    """
    if len(record.conversations) < 2 and not record.transfers:
        return None
    words = WORDS[language]
    told = sorted([*_talks(record, words, name_of, zone), *_transfers(record, words, name_of, zone)])
    return "\n".join([f"{words.title} {mark(record.call_id)}:", *(line for _, _, line in told)])


_Line = tuple[datetime, int, str]
"""When, what comes first of what begins in one moment, and the text."""


def _talks(record: CallRecord, words: Words, name_of: Callable[[str], str], zone: tzinfo | None) -> Iterator[_Line]:
    for talk in record.conversations:
        text = words.talked.format(who=_who(talk.party, words, name_of), length=_length(talk))
        until = _clock(talk.ended_at or talk.began_at, zone)
        yield talk.began_at, 1, f"{_clock(talk.began_at, zone)}–{until} {text}"


def _transfers(record: CallRecord, words: Words, name_of: Callable[[str], str], zone: tzinfo | None) -> Iterator[_Line]:
    for transfer in record.transfers:
        who, result = _who(transfer.party, words, name_of), _result(transfer, words, name_of)
        text = words.transferred.format(who=who, to=transfer.to, result=result)
        yield transfer.began_at, 0, f"{_clock(transfer.began_at, zone)} {text}"


def _result(transfer: Transfer, words: Words, name_of: Callable[[str], str]) -> str:
    result = words.results[transfer.result or TransferResult.ABANDONED]
    taker = transfer.to_party
    if transfer.result is not TransferResult.COMPLETED or taker is None or taker.number == transfer.to:
        return result
    return words.taken.format(who=_who(taker, words, name_of))


def _who(party: Party, words: Words, name_of: Callable[[str], str]) -> str:
    if party.kind is PartyKind.CUSTOMER:
        return party.number or words.nobody
    name = party.name or name_of(party.number)
    return f"{name} ({party.number})" if name else party.number


def _clock(moment: datetime, zone: tzinfo | None) -> str:
    return f"{moment.astimezone(zone):%H:%M:%S}"


def _length(talk: Talk) -> str:
    minutes, seconds = divmod(round(talk.seconds()), 60)
    return f"{minutes}:{seconds:02}"
