"""The reference and the samples say what the models say."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from stasis_app.crm import Numbers
from stasis_app.flow import load_plan
from stasis_app.settings import Settings, load_settings

ROOT = Path(__file__).parents[3]
REFERENCE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


def keys() -> Iterator[tuple[str, str]]:
    for section, field in Settings.model_fields.items():
        model = (get_args(field.annotation) or (field.annotation,))[0]  # a section, or the item of a list of them
        for key in model.model_fields:
            yield section, key


def documented() -> set[tuple[str, str]]:
    found, section = set(), ""
    for line in REFERENCE.splitlines():
        if heading := re.match(r"## `\[+(\w+)\]+`", line):
            section = heading[1]
        elif row := re.match(r"\| `(\w+)` \|", line):
            found.add((section, row[1]))
    return found


def test_every_key_is_in_the_reference_and_no_other():
    assert documented() == set(keys())


@pytest.mark.parametrize(("section", "key"), list(keys()))
def test_the_reference_gives_the_default(section, key):
    if section in ("employees", "trunks"):
        return
    model = Settings.model_fields[section].annotation
    default = model.model_fields[key].get_default(call_default_factory=True)
    row = re.search(rf"## `\[{section}\]`.*?\| `{key}` \| (.*?) \|", REFERENCE, re.DOTALL)
    assert row is not None
    if isinstance(default, str) and default:
        assert row[1] == f'`"{default}"`'
    elif isinstance(default, bool):
        assert row[1] == f"`{str(default).lower()}`"
    elif isinstance(default, int | float):
        assert row[1] == f"`{default:g}`"


def test_the_sample_configuration_and_plan_can_be_used():
    settings = load_settings(ROOT / "contrib" / "stasis.example.toml")
    plan = load_plan(settings.routing.plan, Numbers(settings.routing.country), scripts=())

    assert plan.name == "Office"
    assert {element.kind for element in plan.elements.values()} >= {"responsible", "menu", "ring", "say", "hangup"}
