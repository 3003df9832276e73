"""What an operator has to know of: told once, however often it happens, and over when it is over."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from stasis_app import incidents as i
from stasis_app.ari import LinkState
from stasis_app.calls import facts as f
from stasis_app.mirror import MirrorState
from stasis_app.ops import IncidentBook, Watch
from stasis_app.store import IncidentRow


class Shelf:
    """The table."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], IncidentRow] = {}

    def post(self, row: IncidentRow) -> None:
        self.rows[row["code"], row["subject"]] = row

    async def load_all(self) -> list[IncidentRow]:
        return list(self.rows.values())


class World:
    """The service as the watch sees it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.shelf = Shelf()
        self.book = IncidentBook(self.shelf, clock=lambda: self.now)
        self.link = LinkState.CONNECTED
        self.writer = SimpleNamespace(healthy=True, last_error="", lost=0, rejected=0)
        self.mirror = MirrorState(waiting=0, lanes=0, portal_down_for=None, last_error="", settled={})
        self.known: set[str] = set()
        self.log = ""
        self.watch = Watch(
            self.book,
            link=lambda: self.link,
            writer=self.writer,
            mirror=lambda: self.mirror,
            is_known=self.known.__contains__,
            log_trouble=lambda: self.log,
            clock=lambda: self.now,
        )

    def after(self, seconds: float) -> list[str]:
        """The incidents open when this time has passed."""
        self.now += seconds
        self.watch.look()
        return [f"{one.kind.code} {one.subject}".strip() for one in self.book.open()]


@pytest.fixture
def world() -> World:
    return World()


def test_the_same_trouble_twice_is_one_incident(world):
    world.book.report(i.UNKNOWN_EXTENSION, "call 1.1", subject="105")
    world.now += 60
    world.book.report(i.UNKNOWN_EXTENSION, "call 2.1", subject="105")
    world.book.report(i.UNKNOWN_EXTENSION, "call 2.1", subject="106")

    of_105 = world.shelf.rows["unknown-extension", "105"]
    assert (of_105["count"], of_105["first_at"], of_105["last_at"], of_105["detail"]) == (2, 1000, 1060, "call 2.1")
    assert len(world.book.open()) == 2


def test_what_comes_back_is_open_again(world):
    world.book.report(i.PORTAL_AWAY)
    world.book.recovered(i.PORTAL_AWAY)
    assert world.book.open() == []

    world.book.report(i.PORTAL_AWAY)
    (again,) = world.book.open()
    assert again.count == 2


async def test_it_survives_a_restart(world):
    world.book.report(i.RECORDING_MISSING, "call 1.1")
    book = IncidentBook(world.shelf, clock=lambda: 2000.0)
    await book.load()
    book.report(i.RECORDING_MISSING, "call 2.1")

    (incident,) = book.open()
    assert (incident.count, incident.first_at, incident.last_at) == (2, 1000.0, 2000.0)


def test_memory_is_bounded_and_open_ones_stay(world, monkeypatch):
    monkeypatch.setattr("stasis_app.ops.incidents.LARGEST", 3)
    for extension in range(3):
        world.book.report(i.UNKNOWN_EXTENSION, subject=str(extension))
    world.book.recovered(i.UNKNOWN_EXTENSION, subject="1")
    world.book.report(i.UNKNOWN_EXTENSION, subject="3")

    assert {one.subject for one in world.book.listing()} == {"0", "2", "3"}


def test_a_disk_that_refuses_is_told_and_over_when_it_takes_again(world):
    world.writer.healthy, world.writer.last_error = False, "database or disk is full"
    assert world.after(1) == ["storage-refuses"]
    assert world.after(600) == ["storage-refuses"]
    (incident,) = world.book.open()
    assert (incident.count, incident.detail) == (1, "database or disk is full")

    world.writer.healthy = True
    assert world.after(1) == []


def test_what_was_not_kept_is_told_for_a_day(world):
    world.writer.lost = 3
    assert world.after(1) == ["storage-lost"]
    assert world.after(86000) == ["storage-lost"]
    assert world.after(500) == []


def test_a_portal_is_away_after_half_a_minute(world):
    world.mirror = MirrorState(5, 5, portal_down_for=29.0, last_error="no connection", settled={})
    assert world.after(1) == []
    world.mirror = MirrorState(5, 5, portal_down_for=31.0, last_error="no connection", settled={})
    assert world.after(1) == ["portal-away"]
    world.mirror = MirrorState(0, 0, portal_down_for=None, last_error="", settled={})
    assert world.after(1) == []


def test_a_link_that_is_down_for_a_moment_is_none_and_a_takeover_is_another(world):
    world.link = LinkState.DOWN
    assert world.after(0) == []
    assert world.after(5) == ["asterisk-away"]
    world.link = LinkState.CONNECTED
    assert world.after(1) == []
    world.link = LinkState.REPLACED
    assert world.after(1) == ["replaced"]


def test_an_extension_entered_in_the_portal_is_no_incident_any_more(world):
    world.book.report(i.UNKNOWN_EXTENSION, subject="105")
    assert world.after(1) == ["unknown-extension 105"]
    world.known.add("105")
    assert world.after(1) == []


def test_a_recording_that_failed_is_told(world):
    fact = f.RecordingFailed(call_id="1.1", at=datetime(2026, 3, 10, tzinfo=UTC), name="1.1-1", why="no space")
    world.watch.on_fact(None, fact)

    (incident,) = world.book.open()
    assert incident.detail == "call 1.1: Asterisk could not record it (no space)"


async def test_an_incident_left_open_by_a_former_life_is_over_when_all_is_well(world):
    world.book.report(i.STORAGE_REFUSES)
    world.book = IncidentBook(world.shelf, clock=lambda: world.now)
    await world.book.load()
    world.watch._book = world.book

    assert world.after(1) == []


def test_every_kind_says_what_it_means_and_what_mends_it():
    for code, kind in i.KINDS.items():
        assert len(code) <= 40 and kind.meaning.endswith(".") and kind.remedy.endswith(".")
