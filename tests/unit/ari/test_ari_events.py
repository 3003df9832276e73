"""Reading websocket messages: every event as Asterisk sends it, and anything at all that may come instead."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stasis_app.ari import events as e

# The shape of what Asterisk 22.10 sends, fields nothing here uses included.
CHANNEL = {
    "id": "1795396910.11",
    "name": "PJSIP/trunk-00000007",
    "state": "Ring",
    "protocol_id": "1-4779@192.0.2.7",
    "caller": {"name": "Иван", "number": "79161234567"},
    "connected": {"name": "", "number": ""},
    "accountcode": "",
    "dialplan": {
        "context": "from-trunk",
        "exten": "74951230000",
        "priority": 2,
        "app_name": "Stasis",
        "app_data": "stasis-app,inbound,main,74951230000",
    },
    "creationtime": "2026-03-10T11:00:00.278+0000",
    "language": "en",
}
BRIDGE = {
    "id": "1795396910.11-bridge",
    "technology": "simple_bridge",
    "bridge_type": "mixing",
    "bridge_class": "stasis",
    "channels": ["1795396910.11"],
}
PLAYBACK = {
    "id": "p1",
    "media_uri": "sound:hello",
    "target_uri": "channel:1795396910.11",
    "language": "en",
    "state": "done",
}
RECORDING = {
    "name": "1795396910.11-1",
    "format": "wav",
    "state": "done",
    "target_uri": "bridge:1795396910.11-bridge",
    "duration": 7,
}
EVENTS: dict[str, dict[str, Any]] = {
    "StasisStart": {"args": ["inbound", "main"], "channel": CHANNEL},
    "StasisEnd": {"channel": CHANNEL},
    "ChannelStateChange": {"channel": CHANNEL},
    "ChannelDestroyed": {"channel": CHANNEL, "cause": 21, "cause_txt": "Call Rejected", "tech_cause": 603},
    "ChannelHangupRequest": {"channel": CHANNEL, "soft": True, "cause": 32},
    "Dial": {"peer": CHANNEL, "caller": CHANNEL, "dialstatus": "RINGING", "forward": "", "dialstring": "105"},
    "ChannelEnteredBridge": {"channel": CHANNEL, "bridge": BRIDGE},
    "ChannelLeftBridge": {"channel": CHANNEL, "bridge": BRIDGE},
    "ChannelDtmfReceived": {"channel": CHANNEL, "digit": "#", "duration_ms": 120},
    "ChannelHold": {"channel": CHANNEL, "musicclass": "default"},
    "ChannelUnhold": {"channel": CHANNEL},
    "PlaybackFinished": {"playback": PLAYBACK},
    "RecordingStarted": {"recording": RECORDING | {"state": "recording"}},
    "RecordingFinished": {"recording": RECORDING},
    "RecordingFailed": {"recording": RECORDING | {"state": "failed", "cause": "disk full"}},
    "ApplicationReplaced": {},
}


def message(kind: str, **changes: object) -> dict[str, Any]:
    common = {"type": kind, "timestamp": "2026-03-10T11:00:00.278+0000", "application": "stasis-app"}
    return common | {"asterisk_id": "02:fc:00:00:00:01"} | EVENTS[kind] | changes


@pytest.mark.parametrize("kind", EVENTS)
def test_every_event_is_read_as_asterisk_sends_it(kind: str) -> None:
    event = e.parse(json.dumps(message(kind)))

    assert isinstance(event, e.Event)
    assert type(event).__name__ == kind
    assert event.timestamp == datetime(2026, 3, 10, 11, 0, 0, 278000, tzinfo=UTC)
    assert event.application == "stasis-app"


def test_no_event_is_used_and_filtered_at_once() -> None:
    assert not set(EVENTS) & set(e.UNUSED_EVENTS)
    assert "RESTResponse" not in e.UNUSED_EVENTS


def test_what_is_relied_on_is_read() -> None:
    start = e.parse(json.dumps(message("StasisStart", replace_channel=CHANNEL)))
    assert isinstance(start, e.StasisStart)
    assert start.args == ("inbound", "main")
    assert start.channel.caller.number == "79161234567"
    assert start.channel.dialplan.app_data == "stasis-app,inbound,main,74951230000"
    assert start.replace_channel == start.channel

    destroyed = e.parse(json.dumps(message("ChannelDestroyed")))
    assert isinstance(destroyed, e.ChannelDestroyed)
    assert (destroyed.cause, destroyed.tech_cause) == (21, 603)

    finished = e.parse(json.dumps(message("RecordingFinished")))
    assert isinstance(finished, e.RecordingFinished)
    assert finished.recording.duration == 7


def test_an_older_asterisk_tells_less() -> None:
    destroyed = e.parse(
        json.dumps({"type": "ChannelDestroyed", "timestamp": "2026-03-10T11:00:00Z", "channel": {"id": "1"}})
    )

    assert isinstance(destroyed, e.ChannelDestroyed)
    assert (destroyed.cause, destroyed.tech_cause, destroyed.channel.caller.number) == (0, None, "")


def test_a_reply_is_no_event() -> None:
    reply = e.parse('{"type":"RESTResponse","request_id":"7","status_code":204,"reason_phrase":"No Content","uri":"x"}')

    assert reply == e.RestResponse(request_id="7", status_code=204, reason_phrase="No Content")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"type":"ChannelTalkingStarted","timestamp":"2026-03-10T11:00:00Z"}', "ChannelTalkingStarted"),
        (json.dumps(message("StasisStart", channel=None)), "StasisStart.channel"),
        (json.dumps(message("StasisStart", channel={"name": "no id"})), "StasisStart.channel.id"),
        (json.dumps(message("ChannelDestroyed", cause="busy")), "ChannelDestroyed.cause"),
        (json.dumps(message("StasisEnd", timestamp="yesterday")), "StasisEnd.timestamp"),
        # Without its zone a time can't be compared with any other.
        (json.dumps(message("StasisEnd", timestamp="2026-03-10T11:00:00")), "StasisEnd.timestamp"),
        ("{}", "message"),
        ("[]", "message"),
        ("null", "message"),
        ("", "message"),
        ("not json", "message"),
        ('{"type": "StasisEnd"', "message"),
    ],
)
def test_what_can_not_be_used_says_what_it_was(text: str, kind: str) -> None:
    with pytest.raises(e.UnreadableMessage) as caught:
        e.parse(text)

    assert caught.value.kind == kind


def test_the_complaint_does_not_repeat_what_was_sent() -> None:
    with pytest.raises(e.UnreadableMessage) as caught:
        e.parse(json.dumps(message("StasisStart", channel={"caller": {"number": "79161234567"}})))

    assert "79161234567" not in str(caught.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def reads_or_complains(text: str | bytes) -> None:
    try:
        result = e.parse(text)
    except e.UnreadableMessage as problem:
        assert len(problem.kind) <= 120
    else:
        assert isinstance(result, e.Event | e.RestResponse)


@given(st.text() | st.binary())
@example("\ud800")
@example(b"\xff\xfe")
@example("[" * 5000)
@example('{"type":' * 3000)
def test_any_text_is_read_or_complained_about(text: str | bytes) -> None:
    reads_or_complains(text)


@given(json_values)
def test_any_json_is_read_or_complained_about(value: object) -> None:
    reads_or_complains(json.dumps(value))


@given(st.sampled_from(sorted(EVENTS)), st.data())
def test_any_value_in_any_field_is_read_or_complained_about(kind: str, data: st.DataObject) -> None:
    event = message(kind)
    field = data.draw(st.sampled_from(sorted(event)))

    reads_or_complains(json.dumps(event | {field: data.draw(json_values)}))
