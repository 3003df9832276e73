"""Asterisk and SIPp are found in a sandbox root, and a root that is not whole is not taken."""

from pathlib import Path

import pytest

from lab.toolbox import NEEDED_MODULES, in_root


def make_root(root: Path, version: str = "22.10.1") -> Path:
    libraries = root / "usr/lib/x86_64-linux-gnu"
    modules = libraries / "asterisk/modules"
    for folder in (modules, root / "usr/sbin", root / "usr/bin", root / "usr/share/asterisk/rest-api"):
        folder.mkdir(parents=True)
    loader = libraries / "ld-linux-x86-64.so.2"
    loader.write_text('#!/bin/sh\nexec "$3" "$4"\n')  # --library-path PATH program argument
    (root / "usr/sbin/asterisk").write_text(f"#!/bin/sh\necho Asterisk {version}\n")
    (root / "usr/bin/sipp").touch()
    for program in (loader, root / "usr/sbin/asterisk"):
        program.chmod(0o755)
    for name in NEEDED_MODULES:
        (modules / name).touch()
    (root / "usr/share/asterisk/sounds/en_US").mkdir(parents=True)
    (root / "usr/share/asterisk/sounds/en_US/hello-world.gsm").touch()
    return root


def test_a_whole_root_is_taken(tmp_path: Path):
    found = in_root(make_root(tmp_path))

    assert found is not None
    assert found.version == "22.10.1"
    assert found.asterisk[-1] == str(tmp_path / "usr/sbin/asterisk")
    assert found.sounds.name == "en_US"


@pytest.mark.parametrize("missing", ["usr/bin/sipp", "usr/lib/x86_64-linux-gnu/asterisk/modules/chan_bridge_media.so"])
def test_a_root_that_is_not_whole_is_not_taken(tmp_path: Path, missing: str):
    (make_root(tmp_path) / missing).unlink()

    assert in_root(tmp_path) is None


def test_an_asterisk_too_old_is_not_taken(tmp_path: Path):
    assert in_root(make_root(tmp_path, "18.9.0")) is None


def test_no_root_at_all(tmp_path: Path):
    assert in_root(tmp_path / "nowhere") is None
