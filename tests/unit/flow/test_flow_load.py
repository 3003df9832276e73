"""A wrong plan is refused with everything that is wrong, each with place, value and remedy."""

from pathlib import Path
from typing import Any

import pytest
from flow_fakes import NUMBERS, plan_of
from loguru import logger

from stasis_app.flow import PlanError, Severity, examine_plan, load_plan

RING = '[elements.{name}]\ntype = "ring"\ntargets = ["101"]\non_no_answer = "{to}"\n'
SAY = '[elements.{name}]\ntype = "say"\nprompts = ["hello"]\nnext = "{to}"\n'
MENU = '[elements.{name}]\ntype = "menu"\nprompts = ["hello"]\nkeys = {{ "1" = "{key}" }}\non_timeout = "{to}"\n'


def refused(tmp_path: Path, text: str, **checks: Any) -> list[str]:
    """The errors, without the path of the file."""
    with pytest.raises(PlanError) as refusal:
        plan_of(tmp_path, text, **checks)
    return [p.text(Path("plan.toml")) for p in refusal.value.errors]


def test_all_errors_are_told_at_once(tmp_path: Path) -> None:
    told = refused(
        tmp_path,
        """
        [plan]
        default = "mian"
        on_error = "nobody"
        [lines."+74951234567"]
        element = "main"
        [lines."84951234567"]
        elemnt = "main"
        [elements.main]
        type = "menu"
        prompts = ["hello"]
        keys = { "12" = "sales" }
        repeat = 20
        on_timeout = "opperator"
        [elements.operator]
        type = "rign"
        [elements.sales]
        type = "ring"
        targets = ["reception"]
        on_no_anwser = "main"
        [elements."night desk"]
        type = "hangup"
        cause = "tired"
        [elements.queue]
        type = "dialplan"
        context = "ext-queues"
        [elments]
        """,
    )
    expected = [
        'plan.toml: elments: is no table of a plan. Did you mean "elements"?',
        'plan.toml: [lines."84951234567"] element: is missing.'
        " Add it; wanted: the element calls on this line begin with.",
        'plan.toml: [lines."84951234567"] elemnt = "main": is no key of this table. Did you mean "element"?',
        'plan.toml: [elements.main] keys.12 = "12": is not of the right form. Wanted: a table of one key each:'
        ' { "1" = "sales", "2" = "service" }.',
        "plan.toml: [elements.main] repeat = 20: input should be less than or equal to 9."
        " Wanted: how often to ask again after silence or a wrong key, 0 to 9.",
        'plan.toml: [elements.operator] type = "rign": is no type of element. Did you mean "ring"?',
        'plan.toml: [elements.sales] targets.0 = "reception": is not of the right form.'
        ' Wanted: extensions or outside numbers as strings of digits, for example ["101", "+74951234567"].',
        "plan.toml: [elements.sales] on_no_answer: is missing."
        " Add it; wanted: the element that follows when nobody answers.",
        'plan.toml: [elements.sales] on_no_anwser = "main": is no key of this table. Did you mean "on_no_answer"?',
        "plan.toml: [elements.night desk]: is no name for an element."
        " Name it with at most 40 letters, digits, - and _ (the dialplan hands the name over).",
        'plan.toml: [elements.night desk] cause = "tired": is no cause of a hang-up.'
        " Wanted: a Q.850 number from 1 to 127, or one of normal, busy, no_answer, rejected, unallocated, congestion.",
        "plan.toml: [elements.queue]: context and exten go together. Correct it.",
        'plan.toml: [plan] default = "mian": names an element that is not in the plan. Did you mean "main"?',
        'plan.toml: [plan] on_error = "nobody": names an element that is not in the plan.'
        " The elements: bye, main, night desk, operator, queue, sales.",
        'plan.toml: [elements.main] on_timeout = "opperator": names an element that is not in the plan.'
        ' Did you mean "operator"?',
    ]
    assert told == expected


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"[plan", "is not TOML"),
        (b"[plan]\ndefault = main", "is not TOML"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"", "[plan] default: is missing"),
        (b"plan = 3\nlines = []\nelements = 'x'", 'elements = "x": is no table'),
        (b"[elements]\nmain = 1", "[elements] main = 1: is no table"),
        (b"[plan]\n[plan]", "is not TOML"),
        (b"#" * 1_000_001, "is too large for a plan"),
    ],
)
def test_a_file_that_is_no_plan_is_refused(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "plan.toml"
    path.write_bytes(content)
    with pytest.raises(PlanError) as refusal:
        load_plan(path, NUMBERS)
    assert complaint in str(refusal.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"gone\.toml: can't be read: No such file"):
        load_plan(tmp_path / "gone.toml", NUMBERS)


def test_one_line_in_two_spellings_is_one_line(tmp_path: Path) -> None:
    told = refused(tmp_path, '[plan]\ndefault = "bye"\n' + "".join(
        f'[lines."{did}"]\nelement = "bye"\n' for did in ("+74951234567", "8 495 123-45-67", "anonymous")
    ))  # fmt: skip
    assert told == [
        'plan.toml: [lines."8 495 123-45-67"]: is the same line as "+74951234567". Keep one of the two.',
        'plan.toml: [lines."anonymous"]: is no number of a line. Write the DID as the trunk sends it, with digits.',
    ]


LOOPS = {
    "saying": SAY.format(name="main", to="more") + SAY.format(name="more", to="main"),
    "ringing for ever": SAY.format(name="main", to="group") + RING.format(name="group", to="main"),
    "a menu of menus": MENU.format(name="main", key="more", to="more")
    + MENU.format(name="more", key="main", to="main"),
}


@pytest.mark.parametrize("text", LOOPS.values(), ids=LOOPS)
def test_a_loop_with_no_way_out_is_refused(tmp_path: Path, text: str) -> None:
    (told,) = refused(tmp_path, text)
    assert "is in a loop with no way out: main -> " in told


def test_a_caller_who_presses_nothing_must_get_out_too(tmp_path: Path) -> None:
    text = MENU.format(name="main", key="bye", to="again") + SAY.format(name="again", to="main")
    assert refused(tmp_path, text) == [
        "plan.toml: [elements.main]: holds a caller who presses nothing for ever: main -> again -> main."
        " Let on_timeout or on_no_answer of one of them lead to an element that ends the call."
    ]


def test_a_loop_that_takes_no_time_is_refused_although_it_has_a_way_out(tmp_path: Path) -> None:
    text = '[elements.main]\ntype = "responsible"\non_unknown = "bye"\non_no_answer = "group"\n'
    (told,) = refused(tmp_path, text + RING.format(name="group", to="main"))
    assert "is in a loop that takes no time when no phone is free: main -> group -> main." in told


def test_a_menu_may_lead_back_to_itself_by_keys(tmp_path: Path) -> None:
    text = MENU.format(name="main", key="group", to="bye") + RING.format(name="group", to="main")
    assert plan_of(tmp_path, text).elements.keys() == {"main", "group", "bye"}


def test_prompts_are_checked_against_the_sounds_of_asterisk(tmp_path: Path) -> None:
    text = """
    [elements.main]
    type = "say"
    prompts = ["hello-world", "sound:helo-world", "digits:12", "/srv/closed", "sound:https://x.test", "mp3:x", "a b"]
    next = "bye"
    """
    plan_text = text.replace(', "mp3:x", "a b"', "").replace("helo", "hello")
    assert plan_of(tmp_path, plan_text, known_prompts={"hello-world"}).name == ""
    told = refused(tmp_path, text, known_prompts={"hello-world", "goodbye"})
    assert told == [
        'plan.toml: [elements.main] prompts = "sound:helo-world": is a prompt Asterisk does not have.'
        ' Put the file into Asterisk\'s sounds folder. Did you mean "hello-world"?',
        'plan.toml: [elements.main] prompts = "mp3:x": is no kind of media Asterisk plays.'
        " Before the colon stands one of: characters, digits, number, recording, sound, tone.",
        'plan.toml: [elements.main] prompts = "a b": is no name of a prompt.'
        " Give the sound's name without its ending, for example hello or sound:custom/hello.",
    ]
    assert len(refused(tmp_path, text, known_prompts=lambda sound: sound == "hello-world")) == 3


def test_scripts_named_by_the_plan_must_exist(tmp_path: Path) -> None:
    text = '[elements.main]\ntype = "script"\nfunction = "nigt_desk"\n'
    (told,) = refused(tmp_path, text, scripts={"night_desk"})
    assert told.endswith('function = "nigt_desk": is no function of the scripts file. Did you mean "night_desk"?')


def test_what_is_only_odd_is_a_warning(tmp_path: Path) -> None:
    said: list[str] = []
    sink = logger.add(said.append, level="WARNING", format="{message}")
    text = RING.format(name="main", to="bye").replace('["101"]', '["101", "107", "101"]')
    plan = plan_of(tmp_path, text + SAY.format(name="alone", to="bye"), extensions={"101"})
    logger.remove(sink)
    assert plan.default == "main"
    assert [line.partition("plan.toml: ")[2].strip() for line in said] == [
        '[elements.main] targets = "101": is in the list twice. Keep one.',
        '[elements.main] targets = "107": is no employee\'s extension.'
        " Its calls will be credited to nobody: enter it in the portal.",
        "[elements.alone]: can't be reached from a line or the default."
        " Remove it, or add it to entries of [plan] if the dialplan names it.",
    ]


def test_errors_come_before_warnings_and_nothing_breaks_the_line(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text('[plan]\ndefault = "a\\u001b[31m\\nb"\n[elements.b]\ntype = "hangup"\n')
    plan, problems = examine_plan(path, NUMBERS)
    assert plan is None
    assert problems[0].severity is Severity.ERROR
    assert problems[0].value == '"a?[31m?b"'
