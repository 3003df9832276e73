"""A private Asterisk: its own configuration, spool, logs and ports, thrown away afterwards.

What it is configured with are the files of contrib/asterisk, those a user installs; only addresses, passwords and the
list of phones are put in.
"""

from __future__ import annotations

import asyncio
import base64
import re
import secrets
import shutil
import socket
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from lab.media import tone_frames
from lab.processes import free_port, spawn, stop
from lab.toolbox import Toolbox, find_toolbox

CONTRIB = Path(__file__).resolve().parent.parent / "contrib" / "asterisk"
PBX_ADDRESS = "127.0.0.1"
TRUNK_ADDRESS = "127.0.0.2"
PHONE_ADDRESS = "127.0.0.3"
SECOND_TRUNK_ADDRESS = "127.0.0.4"
ARI_USER = "stasis-app"
MUSIC_TONE, RINGING_TONE = 700, 560  # Hz, what music on hold and a ringing tone sound like here

EMPTY_FILES = [f"{name}.conf" for name in ["acl", "ccss", "cdr", "cel", "pjproject", "stasis", "udptl"]]


@dataclass(frozen=True, slots=True)
class PhoneAccount:
    """A desk phone as Asterisk knows it."""

    extension: str
    password: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class OutboundLink:
    """A persistent websocket that Asterisk itself opens to the application (22.5 and newer), and what it says it is."""

    url: str
    username: str = ""
    password: str = field(default="", repr=False)


@dataclass
class Asterisk:
    """One private Asterisk. `async with Asterisk(accounts) as pbx: ...` starts it and waits until it serves.

    Within that it may be stopped or killed, and started again on the same ports with all it had.
    """

    accounts: Sequence[PhoneAccount]
    app: str = "stasis-app"
    dialplan: str = ""  # more dialplan, for tests
    second_trunk: str = ""  # the name of a second trunk, with a carrier of its own
    globals: Mapping[str, str] = field(default_factory=dict)
    outbound: OutboundLink | None = None  # instead of the application connecting to Asterisk
    toolbox: Toolbox = field(default_factory=find_toolbox)
    keep_folder: Path | None = None  # copy logs and configuration here at the end

    def __post_init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="stasis-pbx-"))  # short: a unix socket's path holds 107 bytes
        self.sip_port = free_port(PBX_ADDRESS)
        self.carrier_port = free_port(TRUNK_ADDRESS)
        self.second_carrier_port = free_port(SECOND_TRUNK_ADDRESS)
        self.http_port = free_port(PBX_ADDRESS, socket.SOCK_STREAM)
        self.password = secrets.token_hex(12)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Where ARI is, without the /ari."""
        return f"http://{PBX_ADDRESS}:{self.http_port}"

    @property
    def credentials(self) -> dict[str, str]:
        """The header that opens ARI."""
        pair = base64.b64encode(f"{ARI_USER}:{self.password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}

    @property
    def recordings(self) -> Path:
        """Where ARI recordings are written."""
        return self.folder / "spool" / "recording"

    @property
    def log(self) -> Path:
        """Asterisk's own log: warnings and errors."""
        return self.folder / "log" / "messages.log"

    @property
    def pid(self) -> int:
        """The process, for measuring it."""
        if self._process is None:
            raise RuntimeError("Asterisk is not started")
        return self._process.pid

    async def __aenter__(self) -> Asterisk:
        try:
            await self.start()
        except BaseException:
            await self._leave()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._leave()

    async def start(self) -> None:
        """Start it and wait until ARI answers and every module is up; `RuntimeError` with its log otherwise."""
        if not (self.folder / "etc").exists():
            self._write_configuration()
        command = [*self.toolbox.asterisk, "-f", "-C", str(self.folder / "etc/asterisk.conf")]
        self._process = await spawn(command, output=self.folder / "log" / "console.log", folder=self.folder)
        async with asyncio.timeout(60), aiohttp.ClientSession(headers=self.credentials) as http:
            while True:
                if self._process.returncode is not None:
                    raise RuntimeError(f"Asterisk ended at once:\n{self.complaints()}")
                try:
                    async with http.get(f"{self.url}/ari/endpoints/PJSIP") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.1)

    async def stop(self) -> None:
        """End it as systemd would: calls are hung up."""
        if self._process:
            await stop(self._process)

    async def kill(self) -> None:
        """End it as a power cut would: nobody is told."""
        if self._process:
            await stop(self._process, gently=False)

    async def _leave(self) -> None:
        await self.kill()
        if self.keep_folder and self.folder.exists():
            shutil.copytree(self.folder, self.keep_folder, dirs_exist_ok=True, ignore=_not_worth_keeping, symlinks=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    async def cli(self, command: str) -> str:
        """Run a console command; what it printed."""
        process = await asyncio.create_subprocess_exec(
            *self.toolbox.asterisk,
            *("-C", str(self.folder / "etc/asterisk.conf"), "-rx", command),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await asyncio.wait_for(process.communicate(), 20)
        return said.decode(errors="replace")

    async def left(self) -> list[str]:
        """Channels and bridges still there, when every call should be over; the empty halls of queues stay for good."""
        left = []
        async with aiohttp.ClientSession(headers=self.credentials) as http:
            for kind in ("channels", "bridges"):
                async with http.get(f"{self.url}/ari/{kind}") as answer:
                    for thing in await answer.json():
                        if thing.get("bridge_type") != "holding" or thing["channels"]:
                            left.append(f"{kind[:-1]} {thing['id']} {thing.get('name', '')}")
        return left

    def complaints(self) -> str:
        """The warnings and errors Asterisk has logged so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else "(no log)"

    # ------------------------------------------------------------------------------------------------ configuration

    def _write_configuration(self) -> None:
        for name in (
            "etc",
            "log",
            "run",
            "spool/recording",
            "spool/monitor",
            "db",
            "data/sounds",
            "data/moh",
            "agi",
            "keys/keys",
        ):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for name in ("rest-api", "documentation", "static-http"):
            if (self.toolbox.data / name).exists():
                (self.folder / "data" / name).symlink_to(self.toolbox.data / name)
        (self.folder / "data/sounds/en").symlink_to(self.toolbox.sounds)
        (self.folder / "data/moh/music.alaw").write_bytes(b"".join(tone_frames(MUSIC_TONE)))
        for name, text in self._files().items():
            (self.folder / "etc" / name).write_text(text)

    def _files(self) -> dict[str, str]:
        folder = self.folder
        variables = {"STASIS_APP": self.app, **self.globals}
        return {
            "asterisk.conf": (
                f"[directories]\nastetcdir = {folder}/etc\nastmoddir = {self.toolbox.modules}\n"
                f"astvarlibdir = {folder}/data\nastdatadir = {folder}/data\nastdbdir = {folder}/db\n"
                f"astkeydir = {folder}/keys\nastagidir = {folder}/agi\nastspooldir = {folder}/spool\n"
                f"astrundir = {folder}/run\nastlogdir = {folder}/log\n"
                "[options]\ndocumentation_language = en_US\nnocolor = yes\n"
            ),
            "modules.conf": self._modules(),
            "logger.conf": "[general]\ndateformat = %F %T.%3q\n[logfiles]\nmessages.log = warning,error\n",
            "extensions.conf": (
                "[general]\n[globals]\n"
                + "".join(f"{name} = {value}\n" for name, value in variables.items())
                + f'#include "{CONTRIB}/extensions_stasis.conf"\n{self.dialplan}\n'
            ),
            "ari.conf": configured("ari.conf", {"password": self.password}) + self._outbound_application(),
            "websocket_client.conf": self._outbound_link(),
            "http.conf": configured("http.conf", {"bindaddr": PBX_ADDRESS, "bindport": str(self.http_port)}),
            "pjsip.conf": self._pjsip(),
            "rtp.conf": "[general]\nrtpstart = 20000\nrtpend = 29999\nicesupport = no\n",
            "musiconhold.conf": f"[default]\nmode = files\ndirectory = {folder}/data/moh\n",
            "indications.conf": (
                # Shorter pauses than a real network's: two seconds without any sound are silence here.
                "[general]\ncountry = ru\n[ru]\ndescription = Russia\nringcadence = 1000,1000\ndial = 425\n"
                f"busy = 425/350,0/350\nring = {RINGING_TONE}/1000,0/1000\ncongestion = 425/175,0/175\n"
            ),
            "features.conf": configured("features.conf", {}),
            **dict.fromkeys(EMPTY_FILES, ""),
        }

    def _outbound_application(self) -> str:
        if not self.outbound:
            return ""
        link = f"type = outbound_websocket\nwebsocket_client_id = stasis-app-link\napps = {self.app}\n"
        return f"[outbound]\n{link}local_ari_user = {ARI_USER}\n"

    def _outbound_link(self) -> str:
        if not self.outbound:
            return ""
        link = self.outbound
        values = {"uri": link.url, "username": link.username, "password": link.password}
        return configured("websocket_client.conf", values)

    def _modules(self) -> str:
        lines = (Path(__file__).parent / "modules.conf").read_text().splitlines(keepends=True)
        have = {module.name for module in self.toolbox.modules.glob("*.so")}
        return "".join(line for line in lines if not line.startswith("load") or line.split()[-1] in have)

    def _pjsip(self) -> str:
        """The example's trunk and templates, with the phones of this run in the place of its three."""
        text = configured(
            "pjsip_example.conf",
            {
                "bind": f"{PBX_ADDRESS}:{self.sip_port}",
                "contact": f"sip:{TRUNK_ADDRESS}:{self.carrier_port}",
                "match": TRUNK_ADDRESS,
                "qualify_frequency": "0",
            },
        )
        text = re.split(r"^\[101\]", text, maxsplit=1, flags=re.MULTILINE)[0]
        if self.second_trunk:
            # The first one's sections once more, with another name and address.
            trunk = text[text.index("\n[trunk]") : text.index("\n[phone]")]
            trunk = re.sub(r"^(\[|(?:aors|endpoint) = )trunk", rf"\g<1>{self.second_trunk}", trunk, flags=re.MULTILINE)
            trunk = trunk.replace(
                f"{TRUNK_ADDRESS}:{self.carrier_port}", f"{SECOND_TRUNK_ADDRESS}:{self.second_carrier_port}"
            )
            text += trunk.replace(f"match = {TRUNK_ADDRESS}", f"match = {SECOND_TRUNK_ADDRESS}") + "\n"
        return text + "".join(
            f"[{a.extension}](phone)\nauth = {a.extension}\naors = {a.extension}\n"
            f'callerid = "{a.name}" <{a.extension}>\n'
            f"[{a.extension}](phone-auth)\nusername = {a.extension}\npassword = {a.password}\n"
            f"[{a.extension}](phone-aor)\n"
            for a in self.accounts
        )


def configured(name: str, values: Mapping[str, str]) -> str:
    """A file of contrib/asterisk with some of its values replaced, as an administrator would do by hand."""
    text = (CONTRIB / name).read_text()
    for key, value in values.items():
        text, times = re.subn(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.MULTILINE)
        if not times:
            raise RuntimeError(f"contrib/asterisk/{name} has no line `{key} = ...` any more")
    return text


def _not_worth_keeping(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name in {"data", "db", "keys", "agi", "run"}]
