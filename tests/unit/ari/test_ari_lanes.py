"""Which lane a request takes, what a status means, and which servers take requests over the websocket."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stasis_app.ari.errors import AriError, Gone, Rejected, ServerFailed, Unauthorized, error_for
from stasis_app.ari.lanes import Lanes, channels_of, starts_playing
from stasis_app.ari.link import carries_rest_over_websocket

PLAYING, QUIET = "1795396910.11", "1795396911.12"


@pytest.mark.parametrize(
    ("path", "body", "waits"),
    [
        (f"channels/{PLAYING}/answer", {}, True),
        (f"channels/{PLAYING}", {}, True),
        (f"channels/{PLAYING}?reason_code=16", {}, True),
        (f"channels/{PLAYING}/play", {}, True),
        (f"channels/{QUIET}/answer", {}, False),
        (f"channels/{PLAYING}7/answer", {}, False),
        ("channels", {}, True),  # a long list
        ("channels/create", {}, False),
        ("channels/create", {"endpoint": "PJSIP/101"}, False),
        ("bridges/b1/addChannel", {"channel": PLAYING}, True),
        ("bridges/b1/addChannel", {"channel": f"{QUIET},{PLAYING}"}, True),
        ("bridges/b1/addChannel", {"channel": QUIET}, False),
        ("bridges/b1", {}, False),
        ("playbacks/p1", {}, False),  # stopping a prompt must not wait behind it
        ("recordings/live/r1/stop", {}, True),
        ("recordings/stored/r1/file", {}, True),
        ("sounds", {}, True),
        ("asterisk/info", {}, True),
        ("applications/stasis-app/eventFilter", {}, False),
    ],
)
def test_the_lane_of_a_request(path: str, body: dict[str, object], waits: bool) -> None:
    lanes = Lanes()
    lanes.occupy([PLAYING])

    assert lanes.may_wait(path, channels_of(path, body)) is waits


def test_a_channel_is_free_when_each_of_its_prompts_has_ended() -> None:
    lanes = Lanes()
    lanes.occupy([PLAYING])
    lanes.occupy([PLAYING])

    lanes.release([PLAYING])
    assert lanes.may_wait("", [PLAYING])
    lanes.release([PLAYING])
    assert not lanes.may_wait("", [PLAYING])


def test_a_channel_that_is_gone_is_forgotten_whatever_ends_later() -> None:
    lanes = Lanes()
    lanes.occupy([PLAYING])
    lanes.occupy([PLAYING])

    lanes.forget(PLAYING)
    lanes.release([PLAYING])
    lanes.forget("never seen")

    assert not lanes.may_wait("", [PLAYING])


@given(st.lists(st.tuples(st.sampled_from(["occupy", "release", "forget"]), st.sampled_from("ab"))))
def test_nothing_is_kept_of_channels_that_are_free(steps: list[tuple[str, str]]) -> None:
    lanes = Lanes()
    for step, channel in steps:
        lanes.forget(channel) if step == "forget" else getattr(lanes, step)([channel])
    for channel in "ab":
        lanes.forget(channel)

    assert not lanes._occupied


@pytest.mark.parametrize(
    ("method", "path", "plays"),
    [
        ("POST", "channels/1.0/play", True),
        ("POST", "channels/1.0/play/p1", True),
        ("POST", "channels/1.0/answer", False),
        ("GET", "channels/1.0/play", False),
        ("POST", "bridges/b1/play", False),
        ("POST", "channels", False),
        ("DELETE", "playbacks/p1", False),
    ],
)
def test_what_orders_a_prompt(method: str, path: str, plays: bool) -> None:
    assert starts_playing(method, path) is plays


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "Channel not found", Gone),
        (400, "Provided originator channel was not found", Gone),
        (400, "Invalid parameter", Rejected),
        (401, "Authentication required", Unauthorized),
        (403, "Write access denied", Unauthorized),
        (404, "Channel not found", Gone),
        (405, "Method not allowed", Rejected),
        (406, "Not acceptable", Rejected),
        (409, "Channel not in Stasis application", Gone),
        (412, "Channel in invalid state", Gone),
        (413, "Request too large", Rejected),
        (422, "Channel not in this bridge", Gone),
        (500, "Allocation failed", ServerFailed),
        (503, "Shutting down", ServerFailed),
    ],
)
def test_what_a_status_means(status: int, message: str, kind: type[AriError]) -> None:
    error = error_for("POST channels/1.0/answer", status, message)

    assert type(error) is kind
    assert error.status == status
    assert str(error) == f"POST channels/1.0/answer: {message} ({status})"


@pytest.mark.parametrize(
    ("version", "carries"),
    [
        ("20.13.2", False),
        ("20.14.0", True),
        ("20.20.1", True),
        ("21.8.0", False),
        ("21.9.1", True),
        ("22.3.0", False),
        ("22.4.0", True),
        ("22.10.1", True),
        ("22.4.0-rc1", True),
        ("22.10.1~dfsg+~cs6.15", True),
        ("20.10.0~dfsg-1+deb12u2", False),
        ("23.0.0", True),
        ("24.1.0", True),
        ("18.26.4", False),
        ("16.30.0", False),
        ("GIT-master-1a2b3c4", False),
        ("certified-20.7-cert3", False),
        ("unknown", False),
        ("", False),
    ],
)
def test_which_servers_take_requests_over_the_websocket(version: str, carries: bool) -> None:
    assert carries_rest_over_websocket(version) is carries


@given(st.text() | st.text(alphabet="0123456789.-~²٣"))
def test_any_version_is_understood_somehow(version: str) -> None:
    assert carries_rest_over_websocket(version) in (True, False)
