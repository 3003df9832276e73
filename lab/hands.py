"""The hand on a phone whose calls SIPp plays: asks things of Asterisk in the middle of a call, and gives SIPp orders.

SIPp follows a scenario and answers what arrives; what somebody does of his own accord (hold, transfer) comes from here,
as requests of the same dialog from a socket of the hand's own. Asterisk sends its answers there (rport, RFC 3581) and
everything else to SIPp, because the Contact stays SIPp's.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import secrets
from collections import defaultdict
from collections.abc import Iterator, Sequence

from lab.media import Address
from lab.truth import Dialog, Message

FIRST_CSEQ = 2000  # above the scenario's INVITE, below its BYE (7001)
T1_S, PATIENCE_S = 0.5, 8.0  # RFC 3261, 17.1.1.1; and how long an answer may take
_orders = itertools.count(1)


class Hand(asyncio.DatagramProtocol):
    """Sends requests in dialogs known from a trace. `open` it before, `close` it after."""

    def __init__(self) -> None:
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: dict[str, asyncio.Future[Message]] = {}
        self._numbers: defaultdict[str, Iterator[int]] = defaultdict(lambda: itertools.count(FIRST_CSEQ))

    async def open(self, address: str) -> None:
        """Bind to a free port of `address`, the phone's own."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(address, 0))

    def close(self) -> None:
        """Let go."""
        if self._transport:
            self._transport.close()
        for waiting in self._waiting.values():
            waiting.cancel()

    async def request(self, dialog: Dialog, method: str, headers: Sequence[str] = (), body: str = "") -> Message:
        """Send a request and wait for its final answer; an INVITE gets its ACK. `TimeoutError` without an answer."""
        branch, number = self._branch(), next(self._numbers[dialog.call_id])
        text = self._written(dialog, method, number, branch, headers, body)
        answered = self._waiting[branch] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(PATIENCE_S):
                answer = await self._until_answered(text, answered, _next_hop(dialog))
        finally:
            del self._waiting[branch]
        if method == "INVITE":
            self._acknowledge(dialog, number, branch, answer)
        return answer

    def order(self, dialog: Dialog, phone: Address, *headers: str) -> None:
        """Tell the SIPp at `phone` what to do with a call (the scenarios say which orders they know).

        The order looks like the INVITE, for SIPp builds its next answer from the last message it got.
        """
        if dialog.invite is None:
            raise RuntimeError(f"nothing is known of the call {dialog.call_id}")
        copied = [line for line in dialog.invite.text.split("\n") if re.match(r"(Via|From|To|Call-ID)\s*:", line, re.I)]
        number = next(_orders)  # two orders are never the same, or SIPp takes one for a retransmission
        text = [f"MESSAGE {dialog.target or 'sip:phone'} SIP/2.0", *copied, f"CSeq: {number} MESSAGE", *headers]
        self._send("\r\n".join([*text, "Content-Length: 0", "", ""]), phone)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Hand a final answer to whoever waits for it; what SIPp answers after an order is passed on to Asterisk.

        SIPp sends its answers to where the last message came from. Asterisk knows them by their branch.
        """
        answer = Message(0.0, sent=False, text=data.decode(errors="replace").replace("\r", ""))
        via = re.search(r"UDP ([^:;\s]+):(\d+).*branch=([^;,\s]+)", answer.header("Via"))
        if not via or not answer.status:
            return
        host, port, branch = via.groups()
        waiting = self._waiting.get(branch)
        if waiting and answer.status >= 200 and not waiting.done():
            waiting.set_result(answer)
        elif self._transport and (host, int(port)) != self._transport.get_extra_info("sockname"):
            self._transport.sendto(data, (host, int(port)))

    # ---------------------------------------- writing

    async def _until_answered(self, text: str, answered: asyncio.Future[Message], to: Address) -> Message:
        pause = T1_S
        while True:
            self._send(text, to)
            with contextlib.suppress(TimeoutError):
                return await asyncio.wait_for(asyncio.shield(answered), pause)
            pause = min(pause * 2, 4.0)

    def _acknowledge(self, dialog: Dialog, number: int, branch: str, answer: Message) -> None:
        """The ACK of a refusal belongs to the transaction of its INVITE, that of a 200 is one of its own."""
        branch = self._branch() if answer.status < 300 else branch
        self._send(self._written(dialog, "ACK", number, branch, (), ""), _next_hop(dialog))

    def _written(self, dialog: Dialog, method: str, number: int, branch: str, headers: Sequence[str], body: str) -> str:
        if self._transport is None or not dialog.sip_here:
            raise RuntimeError(f"the hand is not open, or the call {dialog.call_id} was never answered")
        host, port = self._transport.get_extra_info("sockname")
        lines = [
            f"{method} {dialog.target} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};rport;branch={branch}",
            "Max-Forwards: 70",
            *(f"Route: {hop}" for hop in dialog.route),
            f"From: {dialog.local}",
            f"To: {dialog.remote}",
            f"Call-ID: {dialog.call_id}",
            f"CSeq: {number} {method}",
            f"Contact: <{dialog.sip_here}>",
            *headers,
            f"Content-Length: {len(body.encode())}",
        ]
        return "\r\n".join([*lines, "", body])

    def _send(self, text: str, to: Address) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.sendto(text.encode(), to)

    @staticmethod
    def _branch() -> str:
        return f"z9hG4bK{secrets.token_hex(8)}"


def _next_hop(dialog: Dialog) -> Address:
    """Where its next request goes: the first of its route, else the other side's Contact."""
    uri = dialog.route[0] if dialog.route else dialog.target
    found = re.search(r"sip:(?:[^@>]*@)?([^:;>]+)(?::(\d+))?", uri)
    if not found:
        raise RuntimeError(f"nobody knows where to send to in the call {dialog.call_id}: {uri!r}")
    return found.group(1), int(found.group(2) or 5060)
