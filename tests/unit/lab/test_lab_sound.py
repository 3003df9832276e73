"""Tones told apart, in RTP and on recordings."""

import io
import math
import wave
from array import array

import pytest

from lab.media import ALAW, FRAME, Sound, Voice, alaw, hears, tone_frames
from lab.phones import CUSTOMER_TONE, EMPLOYEE_TONE
from lab.recordings import listen, longest_silence
from lab.sip_call import SipCall
from lab.softphones import Softphones
from lab.truth import Dialog


def wav(seconds: float, *tones: int) -> bytes:
    times = (n / 8000 for n in range(int(8000 * seconds)))
    samples = array("h", (round(sum(4000 * math.sin(2 * math.pi * hz * t) for hz in tones)) for t in times))
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(samples.tobytes())
    return file.getvalue()


def test_a_law_keeps_the_sound():
    for sample in (-30000, -1200, -8, 8, 700, 32000):
        assert abs(ALAW[alaw(sample)] - sample) <= max(16, abs(sample) / 16)


def test_a_tone_is_heard_and_another_is_not():
    sound = [ALAW[octet] for frame in tone_frames(CUSTOMER_TONE)[:10] for octet in frame]

    assert hears(sound, CUSTOMER_TONE)
    assert not hears(sound, EMPLOYEE_TONE)


def test_both_voices_are_on_a_recording_of_a_talk():
    heard = listen(wav(3.0, CUSTOMER_TONE, EMPLOYEE_TONE))

    assert heard.seconds == 3.0
    assert heard.customer
    assert heard.employee


def test_a_recording_of_one_side_is_found_out():
    heard = listen(wav(2.0, CUSTOMER_TONE))

    assert heard.customer
    assert not heard.employee


def test_how_long_nothing_is_on_a_recording():
    assert longest_silence(wav(2.0)) == 2.0
    assert longest_silence(wav(2.0, CUSTOMER_TONE)) == 0.0


async def test_two_voices_hear_each_other():
    customer, employee = Voice(CUSTOMER_TONE), Voice(EMPLOYEE_TONE)
    street, desk = await customer.open("127.0.0.1"), await employee.open("127.0.0.1")
    try:
        customer.talk_to(("127.0.0.1", desk))
        await employee.until_heard(("127.0.0.1", street), frames=30)
    finally:
        customer.close()
        employee.close()

    assert employee.hears_from(("127.0.0.1", street), CUSTOMER_TONE)
    assert not employee.hears_from(("127.0.0.1", street), EMPLOYEE_TONE)


def test_the_longest_silence_counts_what_nobody_would_call_a_sound():
    tone, nothing = tone_frames(CUSTOMER_TONE), bytes([alaw(0)]) * FRAME
    sound = Sound([(n / 50, tone[n % 50] if n < 50 or n >= 150 else nothing) for n in range(200)])

    assert sound.longest_silence(0.0, 4.0) == pytest.approx(2.0, abs=0.05)
    assert sound.longest_silence(0.0, 7.0) == pytest.approx(3.0, abs=0.05)  # packets that never came
    assert sound.longest_silence(3.2, 3.9) == pytest.approx(0.0, abs=0.05)
    (first, second) = sound.silences(0.0, 7.0, 1.5)
    assert first == pytest.approx((1.0, 3.0), abs=0.05)
    assert second == pytest.approx((4.0, 7.0), abs=0.05)
    assert sound.hears(CUSTOMER_TONE, until=1.0)
    assert not sound.hears(CUSTOMER_TONE, since=1.0, until=3.0)


def test_a_tone_is_heard_from_when_to_when():
    anna, boris = tone_frames(1000), tone_frames(1200)
    said = [*anna[:50], *boris[:25], *anna[:50]]
    sound = Sound([(n / 50, frame) for n, frame in enumerate(said)])

    (first, second), (between,) = sound.when(1000), sound.when(1200)
    assert first == pytest.approx((0.0, 1.0), abs=0.25)
    assert between == pytest.approx((1.0, 1.5), abs=0.25)
    assert second == pytest.approx((1.5, 2.5), abs=0.25)
    assert sound.when(1400) == []


def test_a_wait_in_vain_tells_what_came_instead():
    sound = Sound([(100.0 + n / 50, frame) for n, frame in enumerate(tone_frames(CUSTOMER_TONE)[:20])])

    assert sound.told(since=100.0) == f"20 packets came, at last {CUSTOMER_TONE} Hz"
    assert sound.told(since=101.0) == "no sound came at all"
    sound.packets.extend((101.0 + n / 50, frame) for n, frame in enumerate(tone_frames(0)[:10]))
    assert sound.told(since=101.0) == "10 packets came, at last silence"


def test_who_gets_a_port_of_sound_after_another_is_heard_there_and_nobody_else():
    phones = Softphones(None, "127.0.0.3", lambda call: None, lambda number: 0)  # type: ignore[arg-type]
    port = ("127.0.0.1", 20000)
    # Asterisk died, so the first never heard of the end of his call.
    cut_off, later = (
        SipCall(phones, Dialog(name, name, "1", 0.0, answered_at=1.0, sound_to=port), tone, name)
        for name, tone in (("101", 1000), ("102", 1100))
    )

    cut_off.follow_sound()
    later.follow_sound()
    assert phones.voice._streams[port].frames == tone_frames(1100)

    cut_off.dialog.ended_at = 5.0
    cut_off.follow_sound()
    assert phones.voice._streams[port].frames == tone_frames(1100)

    later.dialog.ended_at = 9.0
    later.follow_sound()
    assert port not in phones.voice._streams
