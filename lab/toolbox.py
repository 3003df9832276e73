"""Finding the programs the exchange is made of: Asterisk and SIPp, installed or in a sandbox root.

`scripts/lib.sh` makes the sandbox root with debootstrap when no usable Asterisk is installed. Programs of the root run
without chroot: its own dynamic loader is started with its own library path.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

OLDEST_ASTERISK = 20
NEEDED_MODULES = ("chan_pjsip.so", "res_ari.so", "app_stasis.so", "chan_bridge_media.so", "res_stasis_recording.so")


class ToolMissing(Exception):
    """A program the exchange needs is not on this machine; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Toolbox:
    """Where the programs and their data are. `asterisk` and `sipp` are the beginnings of command lines."""

    asterisk: tuple[str, ...]
    sipp: tuple[str, ...]
    modules: Path
    data: Path
    sounds: Path
    version: str


def cache_folder() -> Path:
    """Where the sandbox root is kept: `STASIS_LAB_CACHE`, else /var/cache for root and ~/.cache for others."""
    if chosen := os.environ.get("STASIS_LAB_CACHE"):
        return Path(chosen)
    return Path("/var/cache/stasis-lab") if os.geteuid() == 0 else Path.home() / ".cache" / "stasis-lab"


def find_toolbox() -> Toolbox:
    """The installed Asterisk and SIPp when they will do, else the sandbox root's; `ToolMissing` without either."""
    found = installed() or in_root(cache_folder() / "forky")
    if found is None:
        raise ToolMissing(f"no Asterisk {OLDEST_ASTERISK} or newer with SIPp; scripts/demo or scripts/test sets it up")
    return found


def installed() -> Toolbox | None:
    """The programs of this machine, None unless all that is needed is there."""
    asterisk = shutil.which("asterisk", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    sipp = shutil.which("sipp")
    if not asterisk or not sipp:
        return None
    places = (Path("/usr/lib"), Path("/usr/lib64"), Path("/usr/local/lib"))
    modules = [folder for place in places for folder in (place / "asterisk/modules", *place.glob("*/asterisk/modules"))]
    return _checked((asterisk,), (sipp,), modules, [Path("/usr/share/asterisk"), Path("/var/lib/asterisk")])


def in_root(root: Path) -> Toolbox | None:
    """The programs of a sandbox root, None unless it is whole."""
    loader = next(iter(sorted(root.glob("usr/lib/*/ld-linux*.so*"))), None)
    if loader is None:
        return None
    prefix = (str(loader), "--library-path", str(loader.parent))
    asterisk, sipp = root / "usr/sbin/asterisk", root / "usr/bin/sipp"
    if not asterisk.exists() or not sipp.exists():
        return None
    modules = sorted(root.glob("usr/lib/*/asterisk/modules"))
    return _checked((*prefix, str(asterisk)), (*prefix, str(sipp)), modules, [root / "usr/share/asterisk"])


def _checked(asterisk: tuple[str, ...], sipp: tuple[str, ...], modules: list[Path], data: list[Path]) -> Toolbox | None:
    said = subprocess.run([*asterisk, "-V"], capture_output=True, text=True, timeout=20, check=False).stdout
    version = re.search(r"Asterisk\D*(\d+)(\.\d+)*", said)
    if version is None or int(version.group(1)) < OLDEST_ASTERISK:
        return None
    whole = (m for m in modules if all((m / name).exists() for name in NEEDED_MODULES))
    module_folder = next(whole, None)
    data_folder = next((d for d in data if (d / "rest-api").is_dir()), None)
    if module_folder is None or data_folder is None:
        return None
    hello = next(iter(sorted(data_folder.glob("sounds/*/hello-world.*"))), None)
    if hello is None:
        return None
    return Toolbox(asterisk, sipp, module_folder, data_folder, hello.parent, said.strip().removeprefix("Asterisk "))
