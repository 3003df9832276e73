"""Phones in this very process: hundreds of them on one UDP socket, for runs where a SIPp for each would be too much.

They speak SIP by hand: calls placed and taken, digest passwords, hold, REFER, keys, and retransmission of what gets
lost (RFC 3261, 17). What each saw is kept in the same `lab.truth.Dialog` that SIPp's traces are read into.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import re
import secrets
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from lab.asterisk import PBX_ADDRESS, Asterisk
from lab.media import Address, Sound, Voice
from lab.phones import REASONS
from lab.truth import Dialog, Message

T1_S, LONGEST_PAUSE_S = 0.5, 4.0  # RFC 3261, 17.1.1.1 and 17.1.2.1
PATIENCE_S = 6.0  # how long an answer may take before the other side is given up
FIRST_REQUEST = 100  # CSeq of requests within a call, above that of its INVITE
_serial = itertools.count(1)


@dataclass
class SipCall:
    """One call at one of the phones."""

    phones: Softphones
    dialog: Dialog
    tone: int
    number: str  # of the phone it is at
    messages: list[tuple[float, str]] = field(default_factory=list)  # for a person to read
    sound: Sound | None = None  # what was heard, once it is over
    gone: bool = False  # the other side is silent for good
    _direction: str = "sendrecv"
    _quiet: bool = False
    _sound_known: Address | None = None
    _requests: itertools.count[int] = field(default_factory=lambda: itertools.count(FIRST_REQUEST))
    _waiters: list[tuple[Callable[[], bool], asyncio.Future[None]]] = field(default_factory=list)
    _versions: itertools.count[int] = field(default_factory=lambda: itertools.count(2))
    _proceeding: bool = False  # the INVITE was answered provisionally: only then may it be cancelled

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self.dialog.over or self.gone

    @property
    def talking(self) -> bool:
        """Whether it is answered and goes on."""
        return bool(self.dialog.answered_at) and not self.over

    # ---------------------------------------- waiting

    async def until(self, ready: Callable[[], bool], seconds: float) -> bool:
        """Wait until something is so; False when it is not after so many seconds, or the call is over before."""
        if not ready() and not self.over:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            waiter = (lambda: ready() or self.over, future)
            self._waiters.append(waiter)
            try:
                await asyncio.wait_for(future, seconds)
            except TimeoutError:
                pass
            finally:
                self._waiters.remove(waiter)
        return ready()

    async def until_over(self, seconds: float) -> bool:
        """Wait for the end; False when it goes on."""
        return await self.until(lambda: self.over, seconds)

    async def until_talking(self, seconds: float) -> bool:
        """Wait for the answer; False when there is none."""
        return await self.until(lambda: self.talking, seconds)

    async def until_transferred(self, before: int, seconds: float) -> int:
        """Wait for the final status of a transfer among the notes after `before`; 0 when none comes."""

        def status() -> int:
            return next((note.status for note in self.dialog.notes[before:] if note.status >= 200), 0)

        await self.until(lambda: bool(status()), seconds)
        return status()

    def wake(self) -> None:
        """See whether what somebody waits for has come about."""
        for ready, future in self._waiters:
            if not future.done() and ready():
                future.set_result(None)

    # ---------------------------------------- a call that came

    def ring(self) -> None:
        """Ring."""
        if not self.over:
            self.phones.reply_to_invite(self, "180 Ringing")

    def answer(self) -> None:
        """Pick up."""
        if not self.over and not self.dialog.answered_at:
            self.phones.reply_to_invite(self, "200 OK", self.description())

    def refuse(self, status: int, forwards_to: str = "") -> None:
        """Refuse, or send the call to another number (302)."""
        if not self.over and not self.dialog.answered_at:
            contact = f"<{self.phones.uri(forwards_to)}>" if forwards_to else ""
            self.phones.reply_to_invite(self, REASONS.get(status, f"{status} Refused"), contact=contact)

    # ---------------------------------------- a talk

    async def hold(self) -> int:
        """Put the other side on hold; the status of the answer, 0 without one."""
        self._quiet = True
        self.follow_sound()
        return await self._turn("sendonly")

    async def resume(self) -> int:
        """End the hold."""
        status = await self._turn("sendrecv")
        self._quiet = False
        self.follow_sound()
        return status

    async def transfer(self, to: str, replaces: SipCall | None = None) -> tuple[int, int]:
        """REFER to a number, or to the other side of another call of this phone.

        The status of its answer (0 without one), and how many notes there were before it.
        """
        target = f"<{self.phones.uri(to)}>"
        if replaces is not None:
            dialog = replaces.dialog
            tags = {end: text.rpartition(";tag=")[2] for end, text in (("to", dialog.remote), ("from", dialog.local))}
            asked = quote(f"{dialog.call_id};to-tag={tags['to']};from-tag={tags['from']}", safe="")
            target = f"<{self.phones.uri(to)}?Replaces={asked}>"
        before = len(self.dialog.notes)
        by = self.dialog.local.partition(";tag=")[0]
        return await self._ask("REFER", f"Refer-To: {target}", f"Referred-By: {by}"), before

    async def press(self, keys: str) -> None:
        """Press keys one after another (RFC 4733); returns when they are through."""
        if self.dialog.sound_to is None:
            return
        for key in keys:
            self.phones.voice.press(key, self.dialog.sound_to)
        await asyncio.wait_for(self.phones.voice.until_pressed(self.dialog.sound_to), 0.3 * len(keys) + 2)

    async def hang_up(self) -> None:
        """End the call now, whatever its state: BYE, CANCEL, or a refusal."""
        if self.over:
            return
        if self.dialog.answered_at:
            status = await self._ask("BYE")
            self.gone = self.gone or not status
        elif self.dialog.called_here:
            self.refuse(480)
        else:
            await self._cancel()
        self.follow_sound()
        self.wake()

    async def _cancel(self) -> None:
        await self.until(lambda: self._proceeding or self.talking, PATIENCE_S)
        if self.over:
            return
        if not self.dialog.answered_at:
            await self.phones.cancel(self)
            await self.until_over(PATIENCE_S)
        if self.talking:  # the answer crossed the CANCEL
            await self._ask("BYE")
        self.gone = not self.dialog.over

    async def _turn(self, direction: str) -> int:
        self._direction = direction
        body = self.description(next(self._versions))
        return await self._ask("INVITE", "Content-Type: application/sdp", body=body)

    async def _ask(self, method: str, *headers: str, body: str = "") -> int:
        """A request in the dialog; one that crosses another (491) is repeated. Its final status, 0 without one."""
        for _ in range(5):
            if self.dialog.ended_at:
                return 0
            status = await self.phones.ask(self, method, next(self._requests), headers, body)
            if status not in (491, 500):
                break
            await asyncio.sleep(0.2)
        return status

    # ---------------------------------------- what the phones need

    def description(self, version: int = 1) -> str:
        """The session description of this side (RFC 8866)."""
        host, port = self.phones.sound_at
        lines = ["v=0", f"o=phone 1 {version} IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0"]
        lines += [f"m=audio {port} RTP/AVP 8 101", "a=rtpmap:8 PCMA/8000", "a=rtpmap:101 telephone-event/8000"]
        return "\r\n".join([*lines, "a=fmtp:101 0-15", "a=ptime:20", f"a={self._direction}", ""])

    def take(self, message: Message) -> None:
        """A message of this call was sent or has come."""
        self.messages.append((message.at, f"{'>' if message.sent else '<'} {message.first_line}"))
        self.dialog.add(message)
        if message.about == "INVITE" and 100 <= message.status < 200:
            self._proceeding = True
        self.follow_sound()
        self.wake()

    def follow_sound(self) -> None:
        """Speak where the other side listens. Asterisk gives every call a port, and the same one to a later call."""
        voice, before, now = self.phones.voice, self._sound_known, self.dialog.sound_to
        if now and now != before and not self.over:
            if before:
                voice.hush(before)
            voice.forget(now)
            self._sound_known = now
        if now and self.over:
            if self.sound is None:
                voice.hush(now)
                self.sound = voice.forget(now)
        elif now and self._quiet:
            voice.pause(now)
        elif now and self.dialog.answered_at:
            voice.talk_to(now, self.tone)


@dataclass
class _Asking:
    """A request that waits for its answer."""

    text: str
    answered: asyncio.Future[Message]
    again: asyncio.TimerHandle | None = None
    provisional: bool = False


@dataclass
class Softphones(asyncio.DatagramProtocol):
    """All phones of one address. `open` them before, `close` them after.

    Args:
        pbx: the exchange.
        address: where they are.
        on_call: told of each call that comes.
        tone_of: what the phone with a number says, Hz.
    """

    pbx: Asterisk
    address: str
    on_call: Callable[[SipCall], None]
    tone_of: Callable[[str], int]
    voice: Voice = field(init=False)
    sound_at: Address = field(init=False)
    sip: Address = field(init=False)

    def __post_init__(self) -> None:
        self.voice = Voice(0)
        self._calls: dict[str, SipCall] = {}
        self._asking: dict[str, _Asking] = {}
        self._acknowledged: dict[str, str] = {}  # branch of an INVITE -> the ACK of its final answer
        self._told: dict[tuple[str, str], str] = {}  # branch and method of a request -> what was answered
        self._unconfirmed: dict[str, asyncio.TimerHandle] = {}  # call id -> the final answer awaits its ACK
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self, sip_port: int = 0) -> None:
        """Be there."""
        self.sound_at = (self.address, await self.voice.open(self.address))
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.address, sip_port))
        self.sip = self._transport.get_extra_info("sockname")

    def close(self) -> None:
        """Be gone."""
        for asking in self._asking.values():
            asking.answered.cancel()
            if asking.again:
                asking.again.cancel()
        for timer in self._unconfirmed.values():
            timer.cancel()
        for task in self._tasks:
            task.cancel()
        self.voice.close()
        if self._transport:
            self._transport.close()

    def forget(self, call: SipCall) -> None:
        """A call that is over needs no memory any more."""
        call_id = call.dialog.call_id
        self._calls.pop(call_id, None)
        if timer := self._unconfirmed.pop(call_id, None):
            timer.cancel()
        for kept in (self._acknowledged, self._told):
            for key in [key for key, text in kept.items() if f"Call-ID: {call_id}\r\n" in text]:
                del kept[key]  # type: ignore[attr-defined]

    def uri(self, number: str) -> str:
        """A number at the exchange."""
        return f"sip:{number}@{PBX_ADDRESS}:{self.pbx.sip_port}"

    # ---------------------------------------- calls placed here

    def call(self, number: str, *, by: str, password: str = "") -> SipCall:
        """Place a call; returns at once."""
        call_id = f"{secrets.token_hex(8)}@{self.address}"
        invite = self._invite(call_id, number, by, 1, "")
        dialog = Dialog(call_id, number, by, time.time())
        call = SipCall(self, dialog, self.tone_of(by), by)
        self._calls[call_id] = call
        self._spawn(self._see_through(call, invite, password))
        return call

    def _invite(self, call_id: str, number: str, by: str, cseq: int, credentials: str) -> str:
        host, port = self.sip
        tag = call_id[:8]
        return "\r\n".join(
            [
                f"INVITE {self.uri(number)} SIP/2.0",
                f"Via: SIP/2.0/UDP {host}:{port};rport;branch={_branch()}",
                "Max-Forwards: 70",
                f"From: <sip:{by}@{host}>;tag={tag}",
                f"To: <{self.uri(number)}>",
                f"Call-ID: {call_id}",
                f"CSeq: {cseq} INVITE",
                f"Contact: <sip:{by}@{host}:{port}>",
                *([credentials] if credentials else []),
                "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, NOTIFY, INFO",
                "Content-Type: application/sdp",
            ]
        )

    async def _see_through(self, call: SipCall, invite: str, password: str) -> None:
        """The INVITE to its final answer, once more when a password is asked for."""
        answer = await self._invited(call, invite)
        if answer and answer.status in (401, 407) and password:
            number, by = call.dialog.number, call.number
            with_password = self._invite(call.dialog.call_id, number, by, 2, _credentials(answer, by, password, self.uri(number)))
            answer = await self._invited(call, with_password)
        if answer is None:
            call.gone = True
            call.wake()

    async def _invited(self, call: SipCall, head: str) -> Message | None:
        text = _with_body(head, call.description())
        message = _message(text, sent=True)
        call.take(message)
        answer = await self._answer_to(text, message, for_ever=True)
        if answer is not None:
            self._acknowledge(call, message, answer)
        return answer

    async def cancel(self, call: SipCall) -> None:
        """Cancel an INVITE that was answered provisionally."""
        invite = call.dialog.invite
        assert invite is not None
        lines = [f"CANCEL {invite.first_line.split(' ')[1]} SIP/2.0"]
        lines += [f"{name}: {invite.header(name)}" for name in ("Via", "Max-Forwards", "From", "To", "Call-ID")]
        text = _with_body("\r\n".join([*lines, f"CSeq: {invite.header('CSeq').split(' ')[0]} CANCEL"]), "")
        message = _message(text, sent=True)
        call.take(message)
        await self._answer_to(text, message)

    # ---------------------------------------- requests in a call

    async def ask(self, call: SipCall, method: str, number: int, headers: Sequence[str], body: str) -> int:
        """A request in a dialog, and the final status of its answer; 0 when none comes."""
        text = self._within(call.dialog, method, number, headers, body)
        message = _message(text, sent=True)
        call.take(message)
        answer = await self._answer_to(text, message)
        if answer is not None and method == "INVITE":
            self._acknowledge(call, message, answer)
        return answer.status if answer else 0

    def _within(self, dialog: Dialog, method: str, number: int, headers: Sequence[str], body: str) -> str:
        host, port = self.sip
        lines = [f"{method} {dialog.target} SIP/2.0", f"Via: SIP/2.0/UDP {host}:{port};rport;branch={_branch()}"]
        lines += ["Max-Forwards: 70", *(f"Route: {hop}" for hop in dialog.route)]
        lines += [f"From: {dialog.local}", f"To: {dialog.remote}", f"Call-ID: {dialog.call_id}"]
        lines += [f"CSeq: {number} {method}", f"Contact: <{dialog.sip_here}>", *headers]
        return _with_body("\r\n".join(lines), body)

    async def _answer_to(self, text: str, request: Message, *, for_ever: bool = False) -> Message | None:
        """Send until it is answered; None when it never is. An INVITE that rings may take `for_ever`."""
        key = f"{_branch_of(request)} {request.method}"
        asking = _Asking(text, asyncio.get_running_loop().create_future())
        self._asking[key] = asking
        self._send_again(asking, T1_S)
        try:
            await asyncio.wait([asking.answered], timeout=PATIENCE_S)
            if asking.provisional and for_ever and not asking.answered.done():
                await asking.answered
            return asking.answered.result() if asking.answered.done() else None
        finally:
            if asking.again:
                asking.again.cancel()
            del self._asking[key]

    def _send_again(self, asking: _Asking, pause: float) -> None:
        self._send(asking.text)
        loop = asyncio.get_running_loop()
        asking.again = loop.call_later(pause, self._send_again, asking, min(pause * 2, LONGEST_PAUSE_S))

    def _acknowledge(self, call: SipCall, invite: Message, answer: Message) -> None:
        """The ACK of a refusal belongs to the transaction of its INVITE, that of a 200 is one of its own."""
        cseq = int(invite.header("CSeq").split(" ")[0])
        if answer.status < 300:
            text = self._within(call.dialog, "ACK", cseq, (), "")
        else:
            lines = [f"ACK {invite.first_line.split(' ')[1]} SIP/2.0", f"Via: {invite.header('Via')}"]
            lines += ["Max-Forwards: 70", f"From: {invite.header('From')}", f"To: {answer.header('To')}"]
            text = _with_body("\r\n".join([*lines, f"Call-ID: {call.dialog.call_id}", f"CSeq: {cseq} ACK"]), "")
        self._acknowledged[_branch_of(invite)] = text
        self._send(text)
        if answer.status < 300:
            call.take(_message(text, sent=True))

    # ---------------------------------------- what comes

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """A message from the exchange."""
        message = _message(data.decode(errors="replace"), sent=False)
        if message.status:
            self._answered(message)
        elif message.method:
            self._asked(message)

    def _answered(self, message: Message) -> None:
        branch, call = _branch_of(message), self._calls.get(message.header("Call-ID"))
        if message.about == "INVITE" and message.status >= 200 and branch in self._acknowledged:
            self._send(self._acknowledged[branch])
            return
        asking = self._asking.get(f"{branch} {message.about}")
        if call is not None:
            call.take(message)
        if asking is None or asking.answered.done():
            return
        if message.status >= 200:
            asking.answered.set_result(message)
        else:
            asking.provisional = True
        if asking.again and (message.status >= 200 or message.about == "INVITE"):
            asking.again.cancel()

    def _asked(self, message: Message) -> None:
        if told := self._told.get((_branch_of(message), message.method)):
            self._send(told)
            return
        call = self._calls.get(message.header("Call-ID"))
        match message.method:
            case "INVITE" if call is None and "tag=" not in message.header("To"):
                self._begin(message)
                return
            case "ACK":
                self._confirmed(message)
            case _ if call is None:
                self._reply(message, "200 OK" if message.method == "OPTIONS" else "481 Call Does Not Exist")
                return
            case "INVITE" | "UPDATE" if call is not None and message.sound_at:
                self._reply(message, "200 OK", call, call.description())
            case "CANCEL":
                assert call is not None
                self._reply(message, "200 OK")
                if not call.dialog.answered_at and not call.over:
                    self.reply_to_invite(call, "487 Request Terminated")
            case _:
                self._reply(message, "200 OK")
        if call is not None:
            call.take(message)

    def _begin(self, message: Message) -> None:
        number, caller = _user(message.first_line.split(" ")[1]), _user(message.header("From"))
        dialog = Dialog(message.header("Call-ID"), number, caller, message.at)
        call = SipCall(self, dialog, self.tone_of(number), number)
        self._calls[dialog.call_id] = call
        call.take(message)
        self.on_call(call)

    def _confirmed(self, message: Message) -> None:
        if timer := self._unconfirmed.pop(message.header("Call-ID"), None):
            timer.cancel()

    def reply_to_invite(self, call: SipCall, status: str, body: str = "", *, contact: str = "") -> None:
        """Answer the INVITE a call began with; a final answer is sent until it is acknowledged."""
        invite = call.dialog.invite
        assert invite is not None
        text = self._reply(invite, status, call, body, contact=contact)
        if int(status.split(" ")[0]) >= 200:
            self._until_confirmed(call, text, T1_S, time.monotonic() + PATIENCE_S)

    def _until_confirmed(self, call: SipCall, text: str, pause: float, deadline: float) -> None:
        if time.monotonic() > deadline:
            self._unconfirmed.pop(call.dialog.call_id, None)
            return
        if call.dialog.call_id in self._unconfirmed:
            self._send(text)
        loop = asyncio.get_running_loop()
        again = (call, text, min(pause * 2, LONGEST_PAUSE_S), deadline)
        self._unconfirmed[call.dialog.call_id] = loop.call_later(pause, self._until_confirmed, *again)

    def _reply(
        self, request: Message, status: str, call: SipCall | None = None, body: str = "", *, contact: str = ""
    ) -> str:
        host, port = self.sip
        vias = re.findall(r"^Via\s*:.*$", request.text, re.MULTILINE)
        routes = re.findall(r"^Record-Route\s*:.*$", request.text, re.MULTILINE)
        to = request.header("To")
        if "tag=" not in to:
            to += f";tag={request.header('Call-ID')[:6]}p{self.address[-1]}"
        lines = [f"SIP/2.0 {status}", *vias, *routes, f"From: {request.header('From')}", f"To: {to}"]
        lines += [f"Call-ID: {request.header('Call-ID')}", f"CSeq: {request.header('CSeq')}"]
        lines += [f"Contact: {contact or f'<sip:{call.number}@{host}:{port}>'}"] if call else []
        lines += ["Content-Type: application/sdp"] if body else []
        text = _with_body("\r\n".join(lines), body)
        self._told[_branch_of(request), request.method] = text
        self._send(text)
        if call is not None:
            call.take(_message(text, sent=True))
        return text

    def _send(self, text: str) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.sendto(text.encode(), (PBX_ADDRESS, self.pbx.sip_port))

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _branch() -> str:
    return f"z9hG4bK{next(_serial)}{secrets.token_hex(6)}"


def _branch_of(message: Message) -> str:
    found = re.search(r"branch=([^;,\s]+)", message.header("Via"))
    return found.group(1) if found else ""


def _user(uri: str) -> str:
    found = re.search(r"sips?:([^@>;]*)@", uri)
    return found.group(1) if found else ""


def _message(text: str, *, sent: bool) -> Message:
    return Message(time.time(), sent, text.replace("\r", ""))


def _with_body(head: str, body: str) -> str:
    return f"{head}\r\nContent-Length: {len(body.encode())}\r\n\r\n{body}"


def _credentials(challenge: Message, user: str, password: str, uri: str) -> str:
    """The answer to a digest challenge with MD5 (RFC 2617)."""
    kind = "WWW-Authenticate" if challenge.status == 401 else "Proxy-Authenticate"
    asked = re.findall(rf"^{kind}\s*:\s*Digest\s+(.*)$", challenge.text, re.MULTILINE | re.IGNORECASE)
    wanted = next(text for text in asked if "SHA" not in text.upper())
    given = dict(re.findall(r'(\w+)="?([^",]+)"?', wanted))
    secret = _md5(f"{user}:{given['realm']}:{password}")
    what = _md5(f"INVITE:{uri}")
    parts = {"username": user, "realm": given["realm"], "nonce": given["nonce"], "uri": uri}
    extra = ""
    if "qop" in given:
        mine = secrets.token_hex(8)
        parts["response"] = _md5(f"{secret}:{given['nonce']}:00000001:{mine}:auth:{what}")
        parts["cnonce"] = mine
        extra = ", nc=00000001, qop=auth"
    else:
        parts["response"] = _md5(f"{secret}:{given['nonce']}:{what}")
    if "opaque" in given:
        parts["opaque"] = given["opaque"]
    name = "Authorization" if challenge.status == 401 else "Proxy-Authorization"
    return f"{name}: Digest " + ", ".join(f'{key}="{value}"' for key, value in parts.items()) + f", algorithm=MD5{extra}"


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
