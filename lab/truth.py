"""What really happened to each call, read from SIPp's own trace of the messages it sent and received."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from lab.media import Address

_HEAD = re.compile(
    rb"-{20,} (?P<at>\d{4}-\d\d-\d\d[ T\t]\d\d:\d\d:\d\d\.\d+)(?P<utc>Z?)[^\n]*\n"
    rb"\w+ message (?P<way>sent|received) [\[(](?P<length>\d+)[^\n]*\n\n"
)
_SIPFRAG = re.compile(r"^SIP/2\.0 (\d{3})", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Message:
    """A SIP message. `at` is Unix time by SIPp's clock, to the microsecond."""

    at: float
    sent: bool
    text: str

    @property
    def first_line(self) -> str:
        return self.text.split("\n", 1)[0].strip()

    @property
    def method(self) -> str:
        """The method, "" for a response."""
        word = self.first_line.split(" ", 1)[0]
        return "" if word == "SIP/2.0" else word

    @property
    def status(self) -> int:
        """The status code, 0 for a request."""
        words = self.first_line.split(" ")
        return int(words[1]) if words[0] == "SIP/2.0" and len(words) > 1 and words[1].isdigit() else 0

    def header(self, name: str) -> str:
        """The value of a header, "" when it is not there."""
        found = re.search(rf"^{name}\s*:\s*(.*?)\s*$", self.text, re.MULTILINE | re.IGNORECASE)
        return found.group(1) if found else ""

    def headers(self, name: str) -> list[str]:
        """The values of a header that may come several times, each list taken apart."""
        lines = re.findall(rf"^{name}\s*:\s*(.*?)\s*$", self.text, re.MULTILINE | re.IGNORECASE)
        return [value.strip() for line in lines for value in line.split(",")]

    @property
    def about(self) -> str:
        """The method a response answers (from CSeq)."""
        return self.header("CSeq").split(" ")[-1]

    @property
    def sound_at(self) -> Address | None:
        """Where the sender of the session description wants the sound (RFC 8866), None without one."""
        host = re.search(r"^c=IN IP4 (\S+)", self.text, re.MULTILINE)
        port = re.search(r"^m=audio (\d+)", self.text, re.MULTILINE)
        return (host.group(1), int(port.group(1))) if host and port else None


@dataclass(frozen=True, slots=True)
class Note:
    """What a NOTIFY told a phone about the transfer it asked for: the SIP status of the new call (RFC 3515)."""

    at: float
    status: int
    over: bool


@dataclass
class Dialog:
    """One call as one phone saw it; times are None for what did not happen.

    `number` is who was called, `caller` who called, as the phone's display showed him.
    """

    call_id: str
    number: str
    caller: str
    invited_at: float
    ringing_at: float | None = None
    early_sent_at: float | None = None  # this side sent sound before the answer
    early_heard_at: float | None = None  # the other one did
    answered_at: float | None = None
    confirmed_at: float | None = None
    cancelled_at: float | None = None
    refused_at: float | None = None
    refused_with: int = 0
    ended_at: float | None = None
    hung_up_here: bool | None = None
    sound_to: Address | None = None
    sound_here: Address | None = None
    invite: Message | None = None  # the latest that began it (the second, when the first was asked for a password)
    cancel_reason: str = ""  # the Reason header of the CANCEL: who is told "completed elsewhere" has missed no call
    notes: list[Note] = field(default_factory=list)
    # What its next request needs (RFC 3261, 12.1): From and To with their tags, both Contacts, the route.
    local: str = ""
    remote: str = ""
    sip_here: str = ""
    target: str = ""
    route: list[str] = field(default_factory=list)

    def header(self, name: str) -> str:
        """A header of the INVITE, "" when it is not there."""
        return self.invite.header(name) if self.invite else ""

    @property
    def called_here(self) -> bool:
        """Whether this phone was called, not the caller."""
        return self.invite is not None and not self.invite.sent

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return bool(self.ended_at or self.refused_at)

    @property
    def stopped_ringing_at(self) -> float | None:
        """When the phone fell silent, for whatever reason."""
        times = [t for t in (self.answered_at, self.cancelled_at, self.refused_at, self.ended_at) if t]
        return min(times) if times else None

    def add(self, message: Message) -> None:
        """Take in one more message of this call. Retransmissions change nothing: the first time counts."""
        match message.method:
            case "ACK" if self.answered_at:
                self.confirmed_at = self.confirmed_at or message.at
            case "CANCEL":
                self.cancelled_at = self.cancelled_at or message.at
                self.cancel_reason = self.cancel_reason or message.header("Reason")
            case "BYE" if self.ended_at is None:
                self.ended_at, self.hung_up_here = message.at, message.sent
            case "INVITE" if not self.answered_at:
                self._begin(message)
            case "NOTIFY" if (state := _SIPFRAG.search(message.text)) and not message.sent:
                over = message.header("Subscription-State").startswith("terminated")
                self.notes.append(Note(message.at, int(state.group(1)), over))
            case _:
                pass
        if message.about == "INVITE" and not message.method:
            self._add_response(message)
        if message.sound_at and message.sent:
            self.sound_here = message.sound_at
        elif message.sound_at:
            self.sound_to = message.sound_at

    def _begin(self, message: Message) -> None:
        self.invite = message
        if message.sent:
            self.local, self.sip_here = message.header("From"), _address(message.header("Contact"))
        else:
            self.remote, self.target = message.header("From"), _address(message.header("Contact"))
            self.route = message.headers("Record-Route")

    def _establish(self, message: Message) -> None:
        """Take from the answer what the other side says of the dialog."""
        if message.sent:
            self.local, self.sip_here = message.header("To"), _address(message.header("Contact"))
        else:
            self.remote, self.target = message.header("To"), _address(message.header("Contact"))
            self.route = message.headers("Record-Route")[::-1]

    def _add_response(self, message: Message) -> None:
        if message.status in (180, 183):
            self.ringing_at = self.ringing_at or message.at
            if message.status == 183 and message.sent:
                self.early_sent_at = self.early_sent_at or message.at
            elif message.status == 183:
                self.early_heard_at = self.early_heard_at or message.at
        elif 200 <= message.status < 300:
            if not self.answered_at:
                self._establish(message)
            self.answered_at = self.answered_at or message.at
        elif message.status >= 300 and message.status not in (401, 407) and not self.answered_at:
            self.refused_at = self.refused_at or message.at
            self.refused_with = self.refused_with or message.status


@dataclass
class Trace:
    """Reads a growing trace: feed it text as it comes, it keeps the dialogs and tells of each message."""

    on_message: Callable[[Message, Dialog], None] = lambda _m, _d: None
    dialogs: dict[str, Dialog] = field(default_factory=dict)
    _rest: bytes = b""

    def feed(self, data: bytes) -> None:
        """Take in more of the trace. Each message comes with its length, so it is told as soon as it is whole."""
        self._rest += data
        while (head := _HEAD.search(self._rest)) and len(self._rest) >= (end := head.end() + int(head["length"])):
            self._take(head, self._rest[head.end() : end].decode(errors="replace"))
            self._rest = self._rest[end:]

    def _take(self, head: re.Match[bytes], text: str) -> None:
        clock = datetime.fromisoformat(head["at"].decode())  # SIPp 3.8 writes UTC, older ones local time
        at = (clock.replace(tzinfo=UTC) if head["utc"] else clock).timestamp()
        message = Message(at, head["way"] == b"sent", text.replace("\r", ""))
        call_id = message.header("Call-ID")
        if call_id not in self.dialogs:
            if message.method != "INVITE":
                return
            number, caller = _user(message.first_line.split(" ")[1]), _user(message.header("From"))
            self.dialogs[call_id] = Dialog(call_id, number, caller, message.at)
        dialog = self.dialogs[call_id]
        dialog.add(message)
        self.on_message(message, dialog)


def _user(uri: str) -> str:
    found = re.search(r"sips?:([^@>;]*)@", uri)
    return found.group(1) if found else ""


def _address(header: str) -> str:
    """The URI of a Contact header."""
    found = re.search(r"<([^>]*)>", header)
    return found.group(1) if found else header


@dataclass(frozen=True, slots=True)
class Talk:
    """When somebody talked, as the phones saw it or as the other side heard him; Unix times."""

    number: str
    began_at: float
    ended_at: float

    @property
    def seconds(self) -> float:
        return self.ended_at - self.began_at
