"""The commands that look at a running sandbox and make trouble in it."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from b24client.sandbox.audit import INVARIANTS
from b24client.sandbox.faults import PRESETS

Url = Annotated[str, typer.Option(help="address of a running sandbox", envvar="B24_SANDBOX_URL")]
Json = Annotated[bool, typer.Option("--json", help="print JSON")]
Since = Annotated[str, typer.Option(help="only what began since: 90s, 10m, 2h, 1d ago, or unix seconds", metavar="AGO")]
_HERE = "http://127.0.0.1:8077"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "": 0}


def status(url: Url = _HERE, as_json: Json = False) -> None:
    """Counts, how full the request bucket is, what trouble is on, what is bound."""
    told = _asked(url, "status")
    if as_json:
        return _print_json(told)
    table = Table(show_header=False, box=None)
    shown = {
        "requests": f"{told['requests']}, {told['commands']} more commands in batches",
        "refused": ", ".join(f"{code} {count}" for code, count in told["errors"].items()) or "none",
        "limit overruns": told["limit_overruns"],
        "bucket": ", ".join(f"{level:g} from {address}" for address, level in told["bucket"].items()) or "empty",
        "calls": told["calls"],
        "application": "waits for its installation to be finished" if told["unfinished"]
        else "installed" if told["installed"] else "not installed",
        "events bound": len(told["bindings"]),
        "offline events": told["offline_events"],
        "places": ", ".join(place["placement"] for place in told["placements"]) or "none",
        "trouble": ", ".join(fault["kind"] for fault in told["faults"]) or "none",
    }  # fmt: skip
    for name, value in shown.items():
        table.add_row(name, _plain(str(value)))
    Console().print(table)
    return None


def calls(
    call: Annotated[str, typer.Option(help="one CALL_ID or EXTERNAL_CALL_ID")] = "",
    open_only: Annotated[bool, typer.Option("--open", help="only calls that are not finished")] = False,
    since: Since = "",
    url: Url = _HERE,
    as_json: Json = False,
) -> None:
    """The calls the portal knows, oldest first."""
    begun = _moment(since)
    found = [
        told
        for told in _asked(url, "calls")
        if told["registered_at"] >= begun
        and call in ("", told["call_id"], told["external_call_id"])
        and not (open_only and told["finish"])
    ]
    if as_json:
        return _print_json(found)
    table = Table("began", "type", "number", "client", "EXTERNAL_CALL_ID", "cards", "finish", "recording")
    for told in found:
        end, cards = told["finish"], [str(card["user_id"]) for card in told["cards"]]
        row = (
            _clock(told["registered_at"]), told["type"], told["phone_number"], told["crm_entity_name"],
            told["external_call_id"] or "-", ", ".join(dict.fromkeys(cards)),
            f"{end['status_code']} {end['duration']} s user {end['user_id']}" if end else "open",
            told["record"]["filename"] if told["record"] else "",
        )  # fmt: skip
        table.add_row(*(_plain(str(cell)) for cell in row))
    Console().print(table)
    return None


def requests(
    method: Annotated[str, typer.Option(help="only this method")] = "",
    call: Annotated[str, typer.Option(help="only requests about this CALL_ID")] = "",
    since: Since = "",
    errors: Annotated[bool, typer.Option("--errors", help="only those that were refused")] = False,
    limit: Annotated[int, typer.Option(min=1, help="at most so many, the latest")] = 200,
    url: Url = _HERE,
    as_json: Json = False,
) -> None:
    """The requests that came, oldest first; the commands of a batch too. The sandbox keeps the latest 20,000."""
    query = {"method": method, "call_id": call, "since": _moment(since), "errors": int(errors), "limit": limit}
    found = _asked(url, "requests", query)
    if as_json:
        return _print_json(found)
    table = Table("at", "method", "status", "error", "ms", "call", "parameters")
    for told in found:
        params = json.dumps(told["params"], ensure_ascii=False)
        row = (
            _clock(told["at"]), f"  {told['method']}" if told["in_batch"] else told["method"], told["status"],
            f"{told['error']} {told['description']}".strip(), round(told["seconds"] * 1000), told["call_id"],
            params if len(params) < 120 else f"{params[:119]}…",
        )  # fmt: skip
        table.add_row(*(_plain(str(cell)) for cell in row))
    Console().print(table)
    return None


def audit(
    since: Since = "",
    invariant: Annotated[str, typer.Option(help=f"only one kind: {', '.join(INVARIANTS)}", metavar="KIND")] = "",
    url: Url = _HERE,
    as_json: Json = False,
) -> None:
    """List what a well-behaved telephone system would not have left behind.

    Exit code 1 if there is anything, 0 if not, 2 if no sandbox answers.
    """
    if invariant and invariant not in INVARIANTS:
        raise typer.BadParameter(f"there are {', '.join(INVARIANTS)}", param_hint="--invariant")
    findings = _asked(url, "audit", {"since": _moment(since), "invariant": invariant})
    if as_json:
        _print_json(findings)
    elif findings:
        table = Table("at", "invariant", "call", "detail")
        for finding in findings:
            named = finding["external_call_id"] or finding["call_id"]
            row = (_clock(finding["at"]), finding["invariant"], named, finding["detail"])
            table.add_row(*(_plain(text) for text in row))
        Console().print(table)
    else:
        typer.echo("nothing to complain about")
    raise typer.Exit(1 if findings else 0)


def fault(
    name: Annotated[str, typer.Argument(help=", ".join(PRESETS))],
    for_s: Annotated[float | None, typer.Option("--for", help="seconds it lasts; until cleared without")] = None,
    times: Annotated[int | None, typer.Option(min=1, help="how many requests it hits")] = None,
    methods: Annotated[
        list[str] | None, typer.Option(help="only methods like this one (* stands for anything); may be repeated")
    ] = None,
    chance: Annotated[float, typer.Option(min=0.0, max=1.0, help="the share of requests it hits")] = 1.0,
    seed: Annotated[int | None, typer.Option(help="makes chance repeatable")] = None,
    seconds: Annotated[float | None, typer.Option(min=0, help="how long slow, hang, timeout last")] = None,
    at: Annotated[float, typer.Option(min=0, help="seconds from now until it begins")] = 0.0,
    every: Annotated[float | None, typer.Option(help="seconds until it comes again; needs --for")] = None,
    url: Url = _HERE,
) -> None:
    """Begin trouble by name.

    refuse, reset, timeout: no answer and no work · slow, hang: late · 500, 502, 504: a proxy's HTML page · internal:
    the portal's own 500 · 503, 429, overload: the limits' words · expired: tokens are called expired · lost-reply,
    truncated, garbage: the work is done, the answer is lost or can't be read · late-internal: the work is done, then
    the portal's own 500.

    Example: b24-sandbox fault 502 --for 20 --methods 'telephony.*'
    """
    if name not in PRESETS:
        raise typer.BadParameter(f"no such trouble; there are {', '.join(PRESETS)}", param_hint="NAME")
    order = {
        "preset": name, "for_s": for_s, "times": times, "methods": methods or None, "chance": chance, "seed": seed,
        "seconds": seconds, "at": at, "every": every,
    }  # fmt: skip
    _sent(url, "POST", "faults", {key: value for key, value in order.items() if value is not None})
    typer.echo(f"{name} is on" if not at else f"{name} begins in {at:g} s")


def faults(url: Url = _HERE, as_json: Json = False) -> None:
    """The trouble that is on and that to come."""
    found = _asked(url, "faults")
    if as_json:
        return _print_json(found)
    if not found:
        typer.echo("no trouble")
        return None
    table = Table("", "kind", "answer", "methods", "lasts", "chance")
    for told in found:
        row = (
            "on" if told["on"] else f"in {told['in_s']:g} s", told["kind"],
            f"{told['status']} {told['code']}" if told["kind"] == "error" else "",
            ", ".join(told["methods"] or ["all"]), f"{told['for_s']:g} s" if told["for_s"] else "until cleared",
            f"{told['chance']:.0%}",
        )  # fmt: skip
        table.add_row(*(_plain(str(cell)) for cell in row))
    Console().print(table)
    return None


def clear(url: Url = _HERE) -> None:
    """End all trouble."""
    _sent(url, "DELETE", "faults")
    typer.echo("no trouble any more")


def rename(
    to: Annotated[str, typer.Argument(help="the new address, such as http://localhost:8077; none: take it back")] = "",
    url: Url = _HERE,
) -> None:
    """Give the portal another address: requests under any other host are sent there with 302."""
    _sent(url, "POST", "rename", {"to": to})
    typer.echo(f"the portal has moved to {to}" if to else "the portal is where it was")


def switch(
    changes: Annotated[list[str], typer.Argument(metavar="NAME=VALUE...", help="such as event_auth=fuzz")],
    url: Url = _HERE,
) -> None:
    """Throw switches of a running sandbox: where documentation and live portals differ."""
    _sent(url, "PATCH", "switches", dict(_pairs(changes)))


def events(
    changes: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME=VALUE...]", help="such as twice=0.1 never=0.05 seed=1")
    ] = None,
    url: Url = _HERE,
    as_json: Json = False,
) -> None:
    """Show how reliably events are posted and what has become of the latest ones, or change it."""
    if changes:
        _sent(url, "PATCH", "events", dict(_pairs(changes)))
    told = _asked(url, "events")
    if as_json:
        return _print_json(told)
    typer.echo(" ".join(f"{name}={value}" for name, value in told["delivery"].items()))
    table = Table("at", "event", "how", "status", "handler")
    for row in told["history"][-50:]:
        cells = (_clock(row["at"]), row["event"], row["how"], row["status"] or "no answer", row["handler"])
        table.add_row(*(_plain(str(cell)) for cell in cells))
    Console().print(table)
    return None


def callback(
    number: Annotated[str, typer.Argument(help="the visitor's phone number")],
    line: Annotated[str, typer.Option(help="the line chosen in the form")] = "",
    url: Url = _HERE,
) -> None:
    """A visitor fills in a callback form: ONEXTERNALCALLBACKSTART is posted to whoever has bound it."""
    told = _sent(url, "POST", "callback", {"phone_number": number, "line_number": line})
    for delivery in told["deliveries"]:
        typer.echo(f"{delivery['handler']}: {delivery['status'] or 'no answer'}")
    if not told["deliveries"]:
        typer.echo("no application has bound ONEXTERNALCALLBACKSTART")


def add_to(cli: typer.Typer) -> None:
    """Make the commands part of a command line."""
    panels: dict[str, tuple[Callable[..., None], ...]] = {
        "Looking": (status, calls, requests, audit),
        "Acting": (callback,),
        "Trouble": (fault, faults, clear, rename, switch, events),
    }
    for panel, commands in panels.items():
        for command in commands:
            cli.command(rich_help_panel=panel)(command)


def _pairs(changes: list[str]) -> list[tuple[str, str]]:
    for change in changes:
        if "=" not in change:
            raise typer.BadParameter(f"{change!r}: expected NAME=VALUE")
    return [(name.strip(), value.strip()) for name, _, value in (change.partition("=") for change in changes)]


def _moment(ago: str) -> float:
    """`10m` as the unix time ten minutes ago; a number without a unit is a unix time already."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", ago.strip() or "0")
    if match is None:
        raise typer.BadParameter(f"{ago!r}: expected such as 90s, 10m, 2h, 1d or unix seconds", param_hint="--since")
    number, unit = float(match[1]), match[2]
    return time.time() - number * _UNITS[unit] if unit else number


def _clock(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).astimezone().strftime("%H:%M:%S")


def _plain(text: str) -> str:
    """Text that the table does not take for markup and the terminal not for commands."""
    return "".join(c if c.isprintable() else "?" for c in text).replace("[", r"\[")


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def _asked(url: str, path: str, query: dict[str, Any] | None = None) -> Any:
    given = {name: value for name, value in (query or {}).items() if value not in ("", 0)}
    return _sent(url, "GET", f"{path}?{urllib.parse.urlencode(given)}" if given else path)


def _sent(url: str, verb: str, path: str, body: dict[str, Any] | None = None) -> Any:
    address = f"{url.rstrip('/')}/sandbox/api/{path}"
    raw = json.dumps(body).encode() if body is not None else None
    try:
        request = urllib.request.Request(address, raw, {"Content-Type": "application/json"}, method=verb)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        reason = error.read().decode("utf-8", "replace")[:500]
        error.close()
        typer.echo(f"b24-sandbox: {reason}", err=True)
    except (urllib.error.URLError, ValueError, OSError) as error:
        typer.echo(f"b24-sandbox: no sandbox answers at {address}: {error}", err=True)
    raise typer.Exit(2)
