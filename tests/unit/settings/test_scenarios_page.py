"""docs/scenarios.md names tests that there are."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
NAMED = re.compile(r"`(test_\w+): (\w+)`")


def test_every_scenario_names_tests_that_there_are():
    files: dict[str, str] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        files[path.stem] = files.get(path.stem, "") + path.read_text(encoding="utf-8")

    named = NAMED.findall((ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8"))

    missing = [f"{file}: {test}" for file, test in named if f"def test_{test}(" not in files.get(file, "")]
    assert len(named) > 50
    assert missing == []
