"""Addresses that open one recording each: for whoever was given them, and for some hours."""

from __future__ import annotations

import string
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stasis_app.portal import RECORDINGS_PATH, PublishedRecordings
from stasis_app.portal.recordings import LINK_SECONDS

FILE = Path("/var/spool/asterisk/recording/talk.wav")
NAMES = st.builds(lambda stem, extension: stem + extension, st.text(), st.sampled_from([".wav", ".mp3", ".WAV"]))


class Clock:
    now = 1_773_130_778.0

    def __call__(self) -> float:
        return self.now


def parts(url: str) -> tuple[str, str]:
    """The token and the name in an address, as a web server reads them."""
    path = urlsplit(url).path
    assert path.startswith("/pbx" + RECORDINGS_PATH + "/")
    token, name = path.removeprefix("/pbx" + RECORDINGS_PATH + "/").split("/")
    return token, unquote(name)


def shelf(clock: Clock | None = None) -> PublishedRecordings:
    return PublishedRecordings("https://example.com/pbx/", clock=clock or Clock())


@given(NAMES)
def test_any_name_makes_an_address_that_opens_its_file(filename: str) -> None:
    published = shelf()
    url = published.publish(FILE, filename)
    assert published.find(*parts(url)) == FILE
    assert set(urlsplit(url).path) <= set(string.ascii_letters + string.digits + "/._-")
    assert url.endswith((".wav", ".mp3"))  # the portal reads the kind of file off the address
    assert "/." not in url
    published.withdraw(url)
    assert published.find(*parts(url)) is None


@given(st.data(), NAMES)
def test_an_address_with_anything_changed_opens_nothing(data: st.DataObject, filename: str) -> None:
    published = shelf()
    token, name = parts(published.publish(FILE, filename))
    published.publish(FILE, "other.wav")
    given_ = [token, name]
    which = data.draw(st.integers(0, 1))
    at = data.draw(st.integers(0, len(given_[which]) - 1))
    other = data.draw(st.characters().filter(lambda c: c != given_[which][at]))
    given_[which] = given_[which][:at] + other + given_[which][at + 1 :]
    assert published.find(*given_) is None


@given(st.text(), st.text())
def test_what_somebody_makes_up_opens_nothing(token: str, name: str) -> None:
    published = shelf()
    published.publish(FILE, "talk.wav")
    assert published.find(token, name) is None


def test_an_address_of_one_recording_does_not_open_another() -> None:
    published = shelf()
    first, second = published.publish(FILE, "a.wav"), published.publish(FILE.with_name("b.wav"), "b.wav")
    assert published.find(parts(first)[0], parts(second)[1]) is None


def test_the_same_name_twice_makes_two_addresses() -> None:
    published = shelf()
    first, second = published.publish(FILE, "a.wav"), published.publish(FILE.with_name("b.wav"), "a.wav")
    published.withdraw(first)
    assert published.find(*parts(first)) is None
    assert published.find(*parts(second)) == FILE.with_name("b.wav")


def test_an_address_expires() -> None:
    clock = Clock()
    published = shelf(clock)
    url = published.publish(FILE, "talk.wav")
    clock.now += LINK_SECONDS - 2
    assert published.find(*parts(url)) == FILE
    clock.now += 2
    assert published.find(*parts(url)) is None


def test_addresses_of_another_process_are_worth_nothing() -> None:
    published = shelf()
    published.publish(FILE, "talk.wav")
    assert published.find(*parts(shelf().publish(FILE, "talk.wav"))) is None


def test_withdrawing_what_is_none_of_ours_does_nothing() -> None:
    published = shelf()
    url = published.publish(FILE, "talk.wav")
    for other in ("", "https://example.com/talk.wav", shelf().publish(FILE, "talk.wav")):
        published.withdraw(other)
    assert published.find(*parts(url)) == FILE


@pytest.mark.parametrize("filename", ["talk", "talk.ogg", "", "wav"])
def test_only_recordings_are_published(filename: str) -> None:
    with pytest.raises(ValueError, match=r"\.wav or \.mp3"):
        shelf().publish(FILE, filename)
