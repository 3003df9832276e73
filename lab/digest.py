"""Digest passwords (RFC 2617), for phones that register and call with one."""

from __future__ import annotations

import hashlib
import re
import secrets

from lab.truth import Message


def credentials(challenge: Message, user: str, password: str, uri: str) -> str:
    """The answer to a digest challenge with MD5 (RFC 2617)."""
    kind = "WWW-Authenticate" if challenge.status == 401 else "Proxy-Authenticate"
    asked = re.findall(rf"^{kind}\s*:\s*Digest\s+(.*)$", challenge.text, re.MULTILINE | re.IGNORECASE)
    wanted = next(text for text in asked if "SHA" not in text.upper())
    given = dict(re.findall(r'(\w+)="?([^",]+)"?', wanted))
    secret = _md5(f"{user}:{given['realm']}:{password}")
    what = _md5(f"INVITE:{uri}")
    parts = {"username": user, "realm": given["realm"], "nonce": given["nonce"], "uri": uri}
    extra = ""
    if "qop" in given:
        mine = secrets.token_hex(8)
        parts["response"] = _md5(f"{secret}:{given['nonce']}:00000001:{mine}:auth:{what}")
        parts["cnonce"] = mine
        extra = ", nc=00000001, qop=auth"
    else:
        parts["response"] = _md5(f"{secret}:{given['nonce']}:{what}")
    if "opaque" in given:
        parts["opaque"] = given["opaque"]
    name = "Authorization" if challenge.status == 401 else "Proxy-Authorization"
    return (
        f"{name}: Digest " + ", ".join(f'{key}="{value}"' for key, value in parts.items()) + f", algorithm=MD5{extra}"
    )


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
