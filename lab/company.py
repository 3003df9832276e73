"""The company the stories take place in: employees, clients, lines and plan, written as the files programs read."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from lab.asterisk import ARI_USER, Asterisk, OutboundLink, PhoneAccount
from lab.story import Story, Table

NAMES = ("Anna", "Boris", "Vera", "Gleb", "Dina", "Egor", "Zoya", "Ivan", "Kira")
DIRECTOR = 1
SCRIPTS = "scripts.py"


@dataclass(frozen=True, slots=True)
class Contact:
    """A client with his id in the CRM."""

    id: int
    number: str
    name: str
    responsible: str


@dataclass
class Company:
    """Everybody in the stories given."""

    stories: Sequence[Story]
    client_id: str = "local.lab"
    client_secret: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    token: str = field(default_factory=lambda: secrets.token_hex(24), repr=False)
    default_user: int = DIRECTOR
    phone_transfers: str = "auto"
    recording: Table = field(default_factory=dict)  # more keys of [recording]
    storage: str = ""  # the service's database, when it is not a file of its own
    scripts: str = ""  # the text of the scripts file

    def __post_init__(self) -> None:
        extensions = sorted({number for story in self.stories for number in _extensions(story)})
        self.accounts = [
            PhoneAccount(extension, secrets.token_hex(8), NAMES[(int(extension[-1]) - 1) % len(NAMES)])
            for extension in extensions
        ]
        self._users = {extension: 100 + at for at, extension in enumerate(extensions)}
        clients = [client for story in self.stories for client in story.clients]
        self.contacts = [
            Contact(500 + at, client.number, client.name, client.responsible) for at, client in enumerate(clients)
        ]

    def user_of(self, extension: str) -> int:
        """The employee's id in the portal."""
        return self._users[extension]

    def who(self, user_id: int) -> str:
        """An employee in words."""
        extension = next((e for e, user in self._users.items() if user == user_id), None)
        return f"the employee of {extension}" if extension else f"user {user_id}"

    def client_of(self, number: str) -> Contact | None:
        """The client with a number, however it is spelt."""
        digits = number[-10:]
        return next((c for c in self.contacts if digits and c.number[-10:] == digits), None)

    # ---------------------------------------- files

    def write(self, folder: Path, pbx: Asterisk, *, portal: str, http_port: int, ari_url: str = "") -> dict[str, Path]:
        """Write seed.toml, plan.toml and stasis.toml; their paths by name. `ari_url`: not directly to ARI."""
        files = {
            "seed": self._seed(),
            "plan": self._plan(),
            "stasis": self._stasis(folder, pbx, ari_url or pbx.url, portal, http_port),
        }
        paths = {name: folder / f"{name}.toml" for name in files}
        for name, text in files.items():
            paths[name].write_text(text)
        if self.scripts:
            (folder / SCRIPTS).write_text(self.scripts)
        return paths

    def _seed(self) -> str:
        director = {"id": DIRECTOR, "name": "Olga", "last_name": "Director", "extension": "", "admin": True}
        users = [
            {"id": self._users[a.extension], "name": a.name, "last_name": a.extension, "extension": a.extension}
            for a in self.accounts
        ]
        contacts = [
            {
                "entity_type": "CONTACT",
                "id": contact.id,
                "name": contact.name,
                "phones": [f"+{contact.number}"],
                "assigned_by": self.user_of(contact.responsible),
            }
            for contact in self.contacts
        ]
        return (
            'title = "Romashka"\ncountry = "RU"\n\n'
            + table("app", {"client_id": self.client_id, "client_secret": self.client_secret, "name": "Telephony"})
            + "".join(table("users", user, array=True) for user in [director, *users])
            + "".join(table("clients", contact, array=True) for contact in contacts)
        )

    def _plan(self) -> str:
        elements = {name: element for story in self.stories for name, element in story.elements.items()}
        lines = {did: element for story in self.stories for did, element in story.lines.items()}
        text = table("plan", {"name": "Telephone day", "default": "closed"})
        text += table("elements.closed", {"type": "hangup", "cause": "no_answer"})
        text += "".join(table(f"elements.{name}", element) for name, element in elements.items())
        return text + "".join(table(f'lines."{did}"', {"element": name}) for did, name in lines.items())

    def _stasis(self, folder: Path, pbx: Asterisk, ari_url: str, portal: str, http_port: int) -> str:
        sections: dict[str, Table] = {
            "asterisk": {
                "url": ari_url,
                "username": ARI_USER,
                "password": pbx.password,
                "app": pbx.app,
                **_link(pbx.outbound),
                "phone_transfers": self.phone_transfers,
            },
            "bitrix24": {
                "portal": portal,
                "oauth_url": portal,
                "client_id": self.client_id,
                "client_secret": self.client_secret,
                "default_user": self.default_user,
                "allow_http": True,
            },
            "http": {
                "host": "127.0.0.1",
                "port": http_port,
                "public_url": f"http://127.0.0.1:{http_port}",
                "tokens": [self.token],
            },
            "storage": {"url": self.storage or f"sqlite+aiosqlite:///{folder / 'stasis.sqlite'}"},
            "routing": {
                "plan": str(folder / "plan.toml"),
                "country": "RU",
                **({"scripts": str(folder / SCRIPTS)} if self.scripts else {}),
            },
            "recording": {"format": "wav", "directory": str(pbx.recordings), **self.recording},
            "logging": {"level": "DEBUG", "mask_numbers": False},
        }
        return "".join(table(name, values) for name, values in sections.items())


def _link(outbound: OutboundLink | None) -> Table:
    if outbound is None:
        return {}
    port = urlsplit(outbound.url).port or 0
    return {"connect": "outbound", "listen_port": port, "listen_password": outbound.password}


def _extensions(story: Story) -> list[str]:
    return [*(phone.number for phone in story.phones), *story.unregistered]


def table(name: str, values: Mapping[str, object], *, array: bool = False) -> str:
    """A TOML table (a JSON string is a TOML string too)."""
    head = f"[[{name}]]" if array else f"[{name}]"
    return head + "\n" + "".join(f"{key} = {_value(value)}\n" for key, value in values.items()) + "\n"


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f'"{key}" = {_value(inner)}' for key, inner in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)
