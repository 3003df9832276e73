"""`scripts/chaos`: run it and print the table."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from datetime import datetime
from pathlib import Path

from lab.chaos.attempt import Attempt
from lab.chaos.faults import FAULTS, Storage
from lab.chaos.judge import COLUMNS
from lab.chaos.kinds import KINDS
from lab.chaos.run import Chaos, Outcome, Wish

TITLES = {
    "calls": "calls made",
    "lost": "lost",
    "doubled": "doubled",
    "wrong_credit": "wrongly credited",
    "cards_open": "cards left open",
    "recordings_missing": "recordings missing",
    "silent": "callers who heard silence for more than 2 s",
    "dropped": "callers dropped by us",
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/chaos", description="Random calls in bad weather, and their books.")
    parser.add_argument("--seed", type=int, default=1, help="every decision comes from it")
    parser.add_argument("--minutes", type=float, default=1.0, help="how long calls begin")
    parser.add_argument("--rate", type=float, default=1.0, help="calls a second")
    parser.add_argument("--fault-every", type=float, default=20.0, help="seconds from one fault to the next")
    parser.add_argument("--only", default="", help="only calls whose kind has this in its name")
    parser.add_argument("--faults", default="", help="only faults with this in their name; none: no faults")
    parser.add_argument(
        "--storage", type=Storage, choices=list(Storage), default=Storage.SQLITE, help="where the service keeps records"
    )
    parser.add_argument("--json", action="store_true", help="the table as JSON, the rest goes to standard error")
    parser.add_argument("--keep", type=Path, help="keep every log and the stories of the calls here")
    return parser.parse_args()


def _wish(given: argparse.Namespace) -> Wish:
    kinds = [kind for kind in KINDS if given.only in kind.name]
    there = Wish(storage=given.storage).weather
    faults = [] if given.faults == "none" else [fault for fault in there if given.faults in fault.name]
    if not kinds or not (faults or given.faults == "none"):
        names = ", ".join([kind.name for kind in KINDS] + [fault.name for fault in there])
        raise SystemExit(f"nothing has such a name; there are: {names}")
    every = given.fault_every if faults else float("inf")
    return Wish(given.seed, given.minutes, given.rate, every, kinds, faults or FAULTS, given.storage)


async def _run(given: argparse.Namespace) -> Outcome:
    began = time.monotonic()

    def progress(text: str) -> None:
        print(f"[{time.monotonic() - began:6.1f} s] {text}", file=sys.stderr, flush=True)

    async with Chaos(_wish(given), keep=given.keep, progress=progress) as chaos:
        return await chaos.run()


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at).strftime("%H:%M:%S.%f")[:-3]  # noqa: DTZ006


def _story(attempt: Attempt, outcome: Outcome) -> str:
    """A call in words: who did what when, what each phone saw, what the CRM has."""
    lines = [f"call {attempt.serial}: {attempt.kind}, office {attempt.office.n}, customer {attempt.customer or 'none'}"]
    told = [*attempt.story]
    told += [
        (at, f"    {call.number} ({call.dialog.call_id[:8]}) {text}")
        for call in attempt.calls
        for at, text in call.messages
    ]
    told += [(s.at, f"!!! {s.name}") for s in outcome.strikes if attempt.began_at - 5 < s.at < attempt.over_at + 5]
    told += [
        (s.over_at, f"!!! over: {s.name}")
        for s in outcome.strikes
        if attempt.began_at < s.over_at < attempt.over_at + 9
    ]
    for heard in attempt.heard:
        told += [(heard.began_at, f"    the customer hears {heard.number}"), (heard.ended_at, "    ... no longer")]
    lines += [f"  {_clock(at)} {text}" for at, text in sorted(told, key=lambda entry: entry[0])]
    for crm in outcome.crm:
        if attempt.customer and str(crm["phone_number"])[-10:] == attempt.customer[-10:]:
            short = {key: value for key, value in crm.items() if key not in ("requests", "transcript")}
            lines.append(f"  CRM: {json.dumps(short, ensure_ascii=False)}")
    return "\n".join(lines)


def _report(outcome: Outcome) -> str:
    counts = outcome.verdict.counts()
    lines = ["", *(f"{TITLES[name]:45} {counts[name]:6}" for name in ("calls", *COLUMNS))]
    lines += [
        f"{'(of them talked)':45} {outcome.verdict.talks:6}",
        f"{'(found no phone free)':45} {outcome.not_made:6}",
    ]
    lines += [f"{'(faults)':45} {len(outcome.strikes):6}", ""]
    for deviation in outcome.verdict.deviations:
        lines.append(f"{deviation.column or 'remark'}: call {deviation.serial}: {deviation.text}")
    lines += [f"a phone nobody should have called: {text}" for text in outcome.strangers]
    lines += [f"left in Asterisk: {text}" for text in outcome.left_in_asterisk]
    lines += [f"audit of the portal: {text}" for text in outcome.audit]
    return "\n".join(lines)


def main() -> int:
    """Run; the exit status is 1 when a column that has to be zero is not."""
    given = _arguments()
    outcome = asyncio.run(_run(given))
    concerned = {deviation.serial for deviation in outcome.verdict.deviations if deviation.column}
    stories = [_story(a, outcome) for a in outcome.attempts if a.serial in concerned]
    if given.keep:
        every = "\n\n".join(_story(attempt, outcome) for attempt in outcome.attempts)
        (given.keep / "stories.txt").write_text(every)
        (given.keep / "report.txt").write_text("\n\n".join([_report(outcome), *stories]))
    out = sys.stderr if given.json else sys.stdout
    print(_report(outcome), file=out)
    print("\n\n".join(["", *stories]), file=out)
    if given.json:
        print(json.dumps(outcome.verdict.counts()))
    return 0 if outcome.verdict.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
