"""Is Asterisk there, may we use it, and has it what the service needs?"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime

from stasis_app.ari.sign_of_life import variable
from stasis_app.crm import FreePbx
from stasis_app.crm.freepbx import CONTEXT
from stasis_app.ops.ari_probe import AriProbe, UnreachableError
from stasis_app.ops.findings import Finding, error, fine, warning
from stasis_app.settings import AsteriskSettings, PhoneSettings, RecordingSettings

OLDEST = (20,)
REST_OVER_WEBSOCKET = {20: (20, 14), 21: (21, 9), 22: (22, 4)}
STALE = 10.0  # seconds after which the dialplan and the lifeguard take the service for dead
CLOCK_TOLERANCE = 2.0  # seconds between Asterisk's clock and ours
_VERSION = re.compile(r"(?:certified[-/])?(\d+)\.(\d+)")


async def reachable(ari: AriProbe, settings: AsteriskSettings) -> list[Finding]:
    """Reachability, credentials, version, permission to write."""
    name = "asterisk"
    try:
        info = await ari.get("asterisk", "info")
    except UnreachableError as failure:
        remedy = (
            "Check asterisk.url, that Asterisk runs, and http.conf: enabled=yes, bindaddr and bindport as in the url."
        )
        return [error(name, f"{settings.url} does not answer: {failure}", remedy)]
    if info.status == 401:
        remedy = f"Compare asterisk.username and password with the section [{settings.username}] of ari.conf."
        return [error(name, "Asterisk refuses the user name or the password", remedy)]
    if info.status != 200 or not isinstance(info.body, dict):
        remedy = "Load res_ari.so and set enabled=yes in ari.conf; without http.conf's prefix the path is /ari."
        return [error(name, f"{settings.url} answers {info.status}, but not as ARI does", remedy)]
    found = [_version(str(info.body.get("system", {}).get("version", "")), settings)]
    if await ari.try_to_write() == 403:
        remedy = f"Set read_only=no in the section [{settings.username}] of ari.conf and reload res_ari.so."
        found.append(error(name, f"the user {settings.username} may only read", remedy))
    else:
        found.append(fine(name, f"the user {settings.username} may read and write"))
    return found


def _version(text: str, settings: AsteriskSettings) -> Finding:
    match = _VERSION.search(text)
    if not match:
        remedy = "Versions from 20 on are known to work."
        return warning("asterisk", f"its version {text!r} could not be read", remedy)
    version = (int(match[1]), int(match[2]))
    if version < OLDEST:
        return error("asterisk", f"version {text} is too old", "Upgrade Asterisk to 20 (LTS) or newer; 22 is best.")
    has_it = version >= REST_OVER_WEBSOCKET.get(version[0], (23,))
    if settings.rest_over_websocket and not has_it:
        return error(
            "asterisk",
            f"version {text} has no REST over websocket",
            "Remove asterisk.rest_over_websocket, or upgrade to 20.14, 22.4 or newer.",
        )
    way = "requests over the websocket" if has_it and settings.rest_over_websocket is not False else "requests by HTTP"
    return fine("asterisk", f"Asterisk {text}, {way}")


async def application(ari: AriProbe, settings: AsteriskSettings, own_service_runs: bool) -> list[Finding]:
    """Is the application's name free?"""
    reply = await ari.get("applications", settings.app)
    if reply.status == 404:
        return [fine("application", f"the name {settings.app} is free")]
    if own_service_runs:
        return [fine("application", f"the name {settings.app} is in use by the service running here")]
    return [
        warning(
            "application",
            f"the name {settings.app} is in use",
            "If another program uses it, choose another asterisk.app: the newcomer takes all events from the other.",
        )
    ]


async def sign_of_life(ari: AriProbe, settings: AsteriskSettings, own_service_runs: bool) -> list[Finding]:
    """Does the dialplan see that the service serves calls?"""
    if not own_service_runs:
        return []
    name = "sign of life"
    said = await ari.variable(variable(settings.app))
    reply = await ari.get("asterisk", "ping")
    try:
        age = datetime.fromisoformat(str(reply.body["timestamp"])).timestamp() - float(said)
    except (TypeError, KeyError, ValueError):
        remedy = "Look into the service's log; is it connected to this Asterisk, under this asterisk.app?"
        return [warning(name, f"the service runs, but {variable(settings.app)} is not set", remedy)]
    if abs(age) <= STALE:
        return [fine(name, f"given {max(0, age):.0f} s ago")]
    remedy = "New calls take the fail-open exit until the service is connected again; its log says why it is not."
    return [error(name, f"the last one is {age:.0f} s old, though the service runs", remedy)]


async def freepbx_settings(ari: AriProbe, phones: PhoneSettings) -> list[Finding]:
    """Does the dialplan tell what FreePBX keeps of an extension, where that is to be followed?"""
    if not phones.freepbx_settings:
        return []
    name, kept = "FreePBX", FreePbx(ari)
    await kept.of("0")
    if kept.troubles.counts:
        return [
            warning(
                name,
                f"context {CONTEXT} does not tell what FreePBX keeps: forwards are not followed",
                "Include contrib/asterisk/extensions_stasis.conf in the dialplan (extensions_custom.conf), reload it;"
                " or set phones.freepbx_settings = false.",
            )
        ]
    return [fine(name, "the dialplan tells what FreePBX keeps of extensions")]


async def recording_modules(ari: AriProbe, recording: RecordingSettings) -> list[Finding]:
    """Recording listens to a channel with a snoop channel; announcing it to both needs a channel driver for bridges."""
    if not recording.enabled:
        return [fine("recording", "recording is switched off")]
    needed = {"res_stasis_snoop": "talks can't be recorded"}
    if recording.consent and recording.consent_when == "connected":
        needed["chan_bridge_media"] = "nobody can be told that he is recorded"
    lacking = [
        error(
            "recording",
            f"{module} is not loaded: {what}",
            f"Load {module}.so (modules.conf), or set recording.enabled = false.",
        )
        for module, what in needed.items()
        if not await _runs(ari, module)
    ]
    return lacking or [fine("recording", f"{' and '.join(needed)} loaded")]


async def _runs(ari: AriProbe, module: str) -> bool:
    reply = await ari.get("asterisk", "modules", f"{module}.so")
    status = reply.body.get("status", "") if isinstance(reply.body, dict) else ""
    return reply.status == 200 and status == "Running"


async def recordings(ari: AriProbe, recording: RecordingSettings) -> list[Finding]:
    """Can finished recordings be read?"""
    if not recording.enabled:
        return []
    folder = recording.directory
    if folder is None:
        reply = await ari.get("recordings", "stored")
        if reply.status == 200:
            return [fine("recording", "recordings are fetched over ARI")]
        remedy = "Set recording.directory to Asterisk's recording folder if this machine can see it."
        return [error("recording", f"Asterisk answers {reply.status} when asked for its recordings", remedy)]
    if not folder.is_dir():
        remedy = "Set recording.directory to <astspooldir>/recording (asterisk.conf), or remove it to fetch over ARI."
        return [error("recording", f"there is no folder {folder}", remedy)]
    if not os.access(folder, os.R_OK | os.X_OK):
        remedy = "Add the service's user to Asterisk's group, or remove recording.directory to fetch over ARI."
        return [error("recording", f"the folder {folder} can't be read", remedy)]
    return [fine("recording", f"recordings are read from {folder}")]


async def sounds(ari: AriProbe) -> frozenset[str] | None:
    """The prompts Asterisk has; None when it does not tell."""
    reply = await ari.get("sounds")
    if reply.status != 200 or not isinstance(reply.body, list):
        return None
    return frozenset(str(sound["id"]) for sound in reply.body if isinstance(sound, dict) and "id" in sound)


async def extensions(ari: AriProbe, settings: AsteriskSettings) -> dict[str, str] | None:
    """Extension to endpoint state, for endpoints named by `asterisk.endpoint`; None when Asterisk does not tell."""
    reply = await ari.get("endpoints")
    if reply.status != 200 or not isinstance(reply.body, list):
        return None
    extension_of = named_by(settings.endpoint)
    found: dict[str, str] = {}
    for endpoint in reply.body:
        if isinstance(endpoint, dict):
            name = f"{endpoint.get('technology', '')}/{endpoint.get('resource', '')}"
            if extension := extension_of(name):
                found[extension] = str(endpoint.get("state", "unknown"))
    return found


def named_by(template: str) -> Callable[[str], str]:
    """The extension in an endpoint's name, "" when it is not named by the template (options after it are left out)."""
    name = template.split("@")[0].split(",")[0]
    pattern = re.compile(re.escape(name).replace(re.escape("{extension}"), r"(\d{1,11})", 1), re.IGNORECASE)

    def extension_of(endpoint: str) -> str:
        match = pattern.fullmatch(endpoint)
        return match[1] if match else ""

    return extension_of


async def clock(ari: AriProbe) -> list[Finding]:
    """Facts carry Asterisk's time, so its clock must agree with ours."""
    asked = datetime.now(UTC)
    reply = await ari.get("asterisk", "ping")
    now = datetime.now(UTC)
    try:
        told = datetime.fromisoformat(str(reply.body["timestamp"]))
    except (TypeError, KeyError, ValueError):
        return []
    middle = asked + (now - asked) / 2
    apart = abs((told - middle).total_seconds()) - (now - asked).total_seconds() / 2
    if apart <= CLOCK_TOLERANCE:
        return [fine("clock", "Asterisk's clock agrees with this machine's")]
    remedy = "Let both machines keep time by NTP (chrony or systemd-timesyncd)."
    return [warning("clock", f"Asterisk's clock is {apart:.0f} s off this machine's", remedy)]
