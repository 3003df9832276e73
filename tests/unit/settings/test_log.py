"""The log as the operator reads it."""

import io
import json
import logging

import pytest
from loguru import logger

from stasis_app.log import set_up_logging
from stasis_app.settings import LoggingSettings


@pytest.fixture
def log():
    """Starts the log and gives what it wrote."""
    console = io.StringIO()

    def start(**settings):
        set_up_logging(LoggingSettings(**settings), ["s3cret-value"], console=console)
        return console

    yield start
    logger.remove()
    logging.basicConfig(handlers=[], force=True)


def test_a_line_has_the_calls_id(log):
    console = log()

    logger.bind(call="1795373670.2").info("ringing {}", "101")
    logger.info("no call")

    first, second = console.getvalue().splitlines()
    assert "[1795373670.2]" in first
    assert first.endswith("ringing 101")
    assert "[-]" in second


def test_a_caller_cannot_forge_a_line(log):
    console = log()

    logger.info("call from {}", "Eve\n2026-01-01 00:00:00.000 ERROR forged")

    assert len(console.getvalue().splitlines()) == 1
    assert "\\n2026-01-01" in console.getvalue()


def test_a_name_with_markup_or_braces_is_only_text(log):
    console = log()

    logger.bind(name="<red>{0}</red>").info("call from <b>{}</b>", "{evil}")

    assert "call from <b>{evil}</b> name=<red>{0}</red>" in console.getvalue()


def test_numbers_and_secrets_are_redacted_in_message_extra_and_traceback(log):
    console = log()
    try:
        raise RuntimeError("s3cret-value refused\nfor +79161234567")
    except RuntimeError:
        logger.bind(caller="+79161234567").exception("failed for 79161234567 with s3cret-value")

    text = console.getvalue()
    assert "s3cret-value" not in text
    assert "9161234567" not in text
    assert "RuntimeError: [secret] refused" in text
    assert all(line.startswith("    | ") for line in text.splitlines()[1:])


def test_masking_can_be_switched_off_but_secrets_stay_hidden(log):
    console = log(mask_numbers=False)

    logger.info("79161234567 s3cret-value")

    assert "79161234567 [secret]" in console.getvalue()


def test_json_lines_are_json(log):
    console = log(as_json=True)

    logger.bind(call="1.2", leg="a\nb").warning('he said "{}"', "x\ny")

    line = json.loads(console.getvalue())
    assert line["level"] == "WARNING"
    assert line["call"] == "1.2"
    assert line["message"] == 'he said "x\\ny"'
    assert line["leg"] == "a\\nb"


def test_a_json_line_carries_its_traceback(log):
    console = log(as_json=True)
    try:
        raise ValueError("no")
    except ValueError:
        logger.exception("oops")

    (line,) = console.getvalue().splitlines()
    assert "ValueError: no" in json.loads(line)["traceback"]


def test_libraries_log_through_the_same_door(log):
    console = log()

    logging.getLogger("sqlalchemy.pool").warning("connection %s lost to +79161234567", 7)
    logging.getLogger("sqlalchemy.engine").info("SELECT 1")

    assert "connection 7 lost to ***4567" in console.getvalue()
    assert "SELECT 1" not in console.getvalue()


def test_the_file_gets_the_same_lines(log, tmp_path):
    log(file=tmp_path / "stasis.log")

    logger.bind(call="1.2").info("привет +79161234567")
    logger.remove()

    assert "привет ***4567" in (tmp_path / "stasis.log").read_text(encoding="utf-8")
