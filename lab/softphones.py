"""Phones in this very process: hundreds of them on one UDP socket, for runs where a SIPp for each would be too much.

They speak SIP by hand: calls placed and taken, digest passwords, hold, REFER, keys, and retransmission of what gets
lost (RFC 3261, 17). What each saw is kept in the same `lab.truth.Dialog` that SIPp's traces are read into.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import secrets
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field

from lab.asterisk import PBX_ADDRESS, Asterisk
from lab.digest import credentials
from lab.media import Address, Voice
from lab.sip_call import PATIENCE_S, SipCall
from lab.truth import Dialog, Message

T1_S, LONGEST_PAUSE_S = 0.5, 4.0  # RFC 3261, 17.1.1.1 and 17.1.2.1
_serial = itertools.count(1)


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
        self.at_port: dict[Address, SipCall] = {}  # Asterisk's ports of sound -> whose they are
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
        if (port := call.dialog.sound_to) and self.at_port.get(port) is call:
            del self.at_port[port]
        if timer := self._unconfirmed.pop(call_id, None):
            timer.cancel()
        mine = f"Call-ID: {call_id}\r\n"
        self._acknowledged = {branch: text for branch, text in self._acknowledged.items() if mine not in text}
        self._told = {request: text for request, text in self._told.items() if mine not in text}

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
            with_password = self._invite(
                call.dialog.call_id, number, by, 2, credentials(answer, by, password, self.uri(number))
            )
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
