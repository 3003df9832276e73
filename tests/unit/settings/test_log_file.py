"""The log's file on a disk that is full, gone or slow."""

import os
import resource
import threading
import time

import pytest

from stasis_app import log_file
from stasis_app.log_file import LogFile


@pytest.fixture
def sink(tmp_path, monkeypatch):
    """Opens the file, with little patience."""
    monkeypatch.setattr(log_file, "LOOK_AGAIN", 0.0)
    opened = []

    def open_sink(path=tmp_path / "stasis.log", **how):
        opened.append(LogFile(path, **{"rotate_bytes": 1_000_000, "keep_days": 14, **how}))
        return opened[-1]

    yield open_sink
    for each in opened:
        each.stop()


def eventually(true):
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def test_a_full_disk_costs_lines_and_says_how_many(sink, tmp_path):
    log = sink()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    log.write("before\n")
    eventually(lambda: (tmp_path / "stasis.log").exists() and (tmp_path / "stasis.log").read_text() == "before\n")
    resource.setrlimit(resource.RLIMIT_FSIZE, (7, hard))
    try:
        log.write("lost\n")
        log.write("lost too\n")
        eventually(lambda: log._missing == 2)
        assert log.trouble.endswith("stasis.log: File too large")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    log.write("after\n")
    log.stop()

    assert (tmp_path / "stasis.log").read_text().splitlines()[1:] == [
        f"2 lines are missing here: {tmp_path}/stasis.log: File too large",
        "after",
    ]
    assert log.trouble == ""


def test_a_folder_that_is_no_folder_is_trouble_and_no_end(sink, tmp_path):
    (tmp_path / "var").write_text("")
    log = sink(tmp_path / "var" / "stasis.log")
    log.write("line\n")
    eventually(lambda: log.trouble)

    (tmp_path / "var").unlink()
    log.write("line\n")
    eventually(lambda: not log.trouble)


def test_a_disk_that_hangs_holds_nobody_up(sink, tmp_path, monkeypatch):
    monkeypatch.setattr(log_file, "MOST_LINES", 5)
    os.mkfifo(tmp_path / "stasis.log")  # opening it for writing hangs until somebody reads
    log = sink()
    for number in range(10):
        log.write(f"{number}\n")
    assert log.trouble == "the disk does not keep up"

    with (tmp_path / "stasis.log").open() as reader:
        assert "lines are missing here: the disk does not keep up" in reader.readline()
        assert reader.readline() == "0\n"


def test_a_file_that_has_its_size_is_put_aside_and_old_ones_go(sink, tmp_path):
    old = tmp_path / "stasis.2020-01-01_00-00-00-000000.log"
    old.write_text("old\n")
    os.utime(old, (0, 0))
    log = sink(rotate_bytes=10)
    for line in ("1234567890\n", "short\n"):
        log.write(line)
    log.stop()

    assert (tmp_path / "stasis.log").read_text() == "short\n"
    (aside,) = [path for path in tmp_path.iterdir() if path.name != "stasis.log"]
    assert aside.read_text() == "1234567890\n"
