"""What really happened is read from SIPp's message trace."""

from datetime import UTC, datetime

from lab.truth import Message, Trace

MORNING = datetime(2026, 3, 2, 9, 0, 0, tzinfo=UTC).timestamp()


def heading(second: float, way: str, text: str) -> bytes:
    clock = datetime.fromtimestamp(MORNING + second, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"
    return f"{'-' * 47} {clock}\nUDP message {way} [{len(text.encode())}] bytes:\n\n{text}\n".encode()


def message(first_line: str, method: str, call_id: str = "a@phone", body: str = "") -> str:
    lines = [first_line, "From: <sip:79161230001@street>", "To: <sip:101@desk>", f"Call-ID: {call_id}"]
    return "\r\n".join([*lines, f"CSeq: 1 {method}", f"Content-Length: {len(body)}", "", body])


INVITE = message(
    "INVITE sip:101@127.0.0.3:5070 SIP/2.0", "INVITE", body="c=IN IP4 127.0.0.1\r\nm=audio 20010 RTP/AVP 8"
)


def test_an_answered_call_has_its_times_and_who_hung_up():
    trace = Trace()

    trace.feed(heading(0, "received", INVITE))
    trace.feed(heading(0.25, "sent", message("SIP/2.0 180 Ringing", "INVITE")))
    trace.feed(heading(3, "sent", message("SIP/2.0 200 OK", "INVITE")))
    trace.feed(heading(3.5, "sent", message("SIP/2.0 200 OK", "INVITE")))  # a retransmission
    trace.feed(heading(9, "received", message("BYE sip:101@127.0.0.3:5070 SIP/2.0", "BYE")))

    (dialog,) = trace.dialogs.values()
    assert (dialog.number, dialog.caller) == ("101", "79161230001")
    assert dialog.ringing_at == MORNING + 0.25
    assert dialog.answered_at == MORNING + 3
    assert dialog.ended_at == MORNING + 9
    assert dialog.hung_up_here is False
    assert dialog.sound_to == ("127.0.0.1", 20010)


def test_a_cancelled_call_rang_until_the_cancel():
    trace = Trace()

    trace.feed(heading(0, "received", INVITE))
    trace.feed(heading(1, "sent", message("SIP/2.0 180 Ringing", "INVITE")))
    trace.feed(heading(5, "received", message("CANCEL sip:101@127.0.0.3:5070 SIP/2.0", "CANCEL")))
    trace.feed(heading(5.1, "sent", message("SIP/2.0 200 OK", "CANCEL")))
    trace.feed(heading(5.2, "sent", message("SIP/2.0 487 Request Terminated", "INVITE")))

    (dialog,) = trace.dialogs.values()
    assert dialog.answered_at is None
    assert dialog.stopped_ringing_at == MORNING + 5
    assert dialog.refused_with == 487
    assert dialog.over


def test_a_password_asked_for_is_no_refusal():
    trace = Trace()

    trace.feed(heading(0, "sent", INVITE))
    trace.feed(heading(0.1, "received", message("SIP/2.0 401 Unauthorized", "INVITE")))

    (dialog,) = trace.dialogs.values()
    assert not dialog.over


def test_a_message_is_told_when_its_last_byte_is_there():
    told: list[Message] = []
    trace = Trace(lambda said, _: told.append(said))
    whole = heading(0, "received", INVITE)

    trace.feed(whole[:60])
    trace.feed(whole[60:-5])
    assert told == []
    trace.feed(whole[-5:])

    assert [said.method for said in told] == ["INVITE"]


def test_traffic_that_is_no_call_is_passed_over():
    trace = Trace()

    trace.feed(heading(0, "received", message("OPTIONS sip:101@127.0.0.3:5070 SIP/2.0", "OPTIONS", "o@pbx")))

    assert not trace.dialogs


def test_a_refused_reinvite_changes_nothing():
    trace = Trace()

    trace.feed(heading(0, "received", INVITE))
    trace.feed(heading(1, "sent", message("SIP/2.0 200 OK", "INVITE")))
    trace.feed(heading(2, "received", INVITE))
    trace.feed(heading(2.1, "sent", message("SIP/2.0 491 Request Pending", "INVITE")))

    (dialog,) = trace.dialogs.values()
    assert not dialog.over
    assert dialog.invited_at == MORNING


def test_a_dialog_knows_what_its_next_request_needs():
    def with_headers(text: str, *lines: str) -> str:
        return text.replace("From:", "\r\n".join([*lines, "From:"]), 1)

    trace = Trace()
    invite = with_headers(
        INVITE, "Record-Route: <sip:a;lr>, <sip:b;lr>", "Contact: <sip:pbx@127.0.0.1:5060>", "Alert-Info: <ring2>"
    )
    answer = with_headers(message("SIP/2.0 200 OK", "INVITE"), "Contact: <sip:phone@127.0.0.3:5070>")
    trace.feed(heading(0, "received", invite))
    trace.feed(heading(1, "sent", answer.replace("<sip:101@desk>", "<sip:101@desk>;tag=mine")))

    (dialog,) = trace.dialogs.values()
    assert dialog.called_here
    assert dialog.local == "<sip:101@desk>;tag=mine"
    assert dialog.remote == "<sip:79161230001@street>"
    assert (dialog.target, dialog.sip_here) == ("sip:pbx@127.0.0.1:5060", "sip:phone@127.0.0.3:5070")
    assert dialog.route == ["<sip:a;lr>", "<sip:b;lr>"]
    assert dialog.header("Alert-Info") == "<ring2>"


def test_what_a_phone_is_told_about_its_transfer_and_its_cancel_is_noted():
    trace = Trace()
    notify = message("NOTIFY sip:101@desk SIP/2.0", "NOTIFY", body="SIP/2.0 180 Ringing\r\n")
    cancel = message("CANCEL sip:101@desk SIP/2.0", "CANCEL").replace(
        "From:", 'Reason: SIP;cause=200;text="Call completed elsewhere"\r\nFrom:', 1
    )

    trace.feed(heading(0, "received", INVITE))
    trace.feed(heading(1, "received", notify))
    trace.feed(heading(2, "received", cancel))

    (dialog,) = trace.dialogs.values()
    assert [(note.status, note.over) for note in dialog.notes] == [(180, False)]
    assert "completed elsewhere" in dialog.cancel_reason
