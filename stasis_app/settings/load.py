"""Reading the configuration: the file, the environment over it, and everything that is wrong with both."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError
from pydantic_settings import EnvSettingsSource, SettingsError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from stasis_app.settings.outbound import TrunkSettings
from stasis_app.settings.problems import ConfigError, ConfigProblem, explained
from stasis_app.settings.section import Section
from stasis_app.settings.whole import Settings

PREFIX = "STASIS_"


def load_settings(path: Path | str) -> Settings:
    """The configuration in `path`, environment variables winning. Raises `ConfigError` with everything wrong in it."""
    path = Path(path)
    problems: list[ConfigProblem] = []
    raw = _merged(_file(path), _environment(problems))
    values = _sections(raw, path.absolute().parent, problems)
    if problems:
        raise ConfigError(problems)
    return Settings(**values)


def _file(path: Path) -> dict[str, Any]:
    remedy = "Give its path with -c; contrib/stasis.example.toml is one to start from."
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError([ConfigProblem(str(path), "no such file", remedy)]) from error
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError([ConfigProblem(str(path), f"can't be read: {what}", remedy)]) from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([ConfigProblem(str(path), f"is not TOML: {error}", "Mend that line.")]) from error


def _environment(problems: list[ConfigProblem]) -> dict[str, Any]:
    """What the environment sets; misspelt sections are noted."""
    for name in os.environ:
        section = name.removeprefix(PREFIX).split("__")[0].lower()
        if name.startswith(PREFIX) and "__" in name and section not in Settings.model_fields:
            known = ", ".join(f"{PREFIX}{known.upper()}__…" for known in Settings.model_fields)
            problems.append(ConfigProblem(name, "no such section", f"Known: {known}."))
    try:
        return EnvSettingsSource(Settings)()
    except SettingsError as error:
        # The message names the field, never the value.
        problems.append(ConfigProblem(f"{PREFIX}…", str(error), 'Write lists and tables as JSON: ["a", "b"].'))
        return {}


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(below)
    for key, value in above.items():
        under = both.get(key)
        both[key] = _merged(under, value) if isinstance(under, Mapping) and isinstance(value, Mapping) else value
    return both


def _sections(raw: dict[str, Any], folder: Path, problems: list[ConfigProblem]) -> dict[str, Any]:
    """Each section validated by itself, so that a mistake in one does not hide those in the others."""
    values: dict[str, Any] = {}
    for name in raw.keys() - Settings.model_fields.keys():
        problems.extend(
            explained(Settings, "", [{"type": "extra_forbidden", "loc": (name,), "msg": "", "input": None}])
        )
    for name, field in Settings.model_fields.items():
        model = field.annotation
        assert model is not None
        if isinstance(model, type) and issubclass(model, Section):
            section = _section(model, name, raw.get(name, {}), folder, problems)
            if section is not None:
                values[name] = section
        elif name in raw:
            item = get_args(model)[0]
            try:
                values[name] = TypeAdapter(model).validate_python(raw[name])
            except ValidationError as error:
                problems.extend(explained(item, name, error.errors()))
            else:
                problems.extend(_of_items(name, values[name]))
    problems.extend(_between_sections(raw, values))
    return values


def _of_items(name: str, items: Iterable[Section]) -> Iterator[ConfigProblem]:
    """What is wrong with the items of a list beyond their types."""
    for at, item in enumerate(items):
        for problem in item.problems():
            yield ConfigProblem(f"{name}.{at}.{problem.key}", problem.problem, problem.remedy, problem.value)


def _section(
    model: type[Section], name: str, given: Any, folder: Path, problems: list[ConfigProblem]
) -> Section | None:
    if not isinstance(given, Mapping):
        problems.append(ConfigProblem(name, "is not a section", f"Write [{name}] and its keys below it."))
        return None
    wrong: set[str] = set()
    try:
        section = model.model_validate(dict(given))
    except ValidationError as error:
        problems.extend(explained(model, name, error.errors()))
        wrong = {str(item["loc"][0]) for item in error.errors()}
        # The rest is looked at all the same, with stand-ins for what is required and wrong.
        needed = {key for key in wrong & model.model_fields.keys() if model.model_fields[key].is_required()}
        rest = {key: value for key, value in given.items() if key not in wrong}
        try:
            section = model.model_validate(rest | dict.fromkeys(needed, "?"))
        except ValidationError:
            return None
    section, path_problems = _anchored(section, folder)
    for problem in (*path_problems, *section.problems()):
        # What depends on a key that is wrong anyway is not told twice.
        if problem.key.split(".")[0] not in wrong:
            problems.append(ConfigProblem(f"{name}.{problem.key}", problem.problem, problem.remedy, problem.value))
    return section


def _anchored(section: Section, folder: Path) -> tuple[Section, list[ConfigProblem]]:
    """The section with its relative paths made absolute, from the folder of the configuration file."""
    changed: dict[str, Any] = {}
    for key, value in section:
        if isinstance(value, Path):
            changed[key] = folder / value.expanduser()
        elif key == "url" and isinstance(value, str) and value.startswith("sqlite"):
            try:
                url = make_url(value)
            except ArgumentError:
                return section, [ConfigProblem("url", "is not a database address", "Write sqlite+aiosqlite:///file.")]
            if url.database and url.database != ":memory:" and not url.database.startswith("file:"):
                changed[key] = url.set(database=str(folder / url.database)).render_as_string(hide_password=False)
    return section.model_copy(update=changed), []


def _between_sections(raw: Mapping[str, Any], values: Mapping[str, Any]) -> list[ConfigProblem]:
    """What is wrong between sections that are right by themselves."""
    return [*_of_addresses(values), *_of_trunks(raw, values.get("trunks", []))]


def _of_trunks(raw: Mapping[str, Any], trunks: Sequence[TrunkSettings]) -> Iterator[ConfigProblem]:
    asterisk = raw.get("asterisk")
    if trunks and isinstance(asterisk, Mapping) and "trunk" in asterisk:
        yield ConfigProblem(
            "asterisk.trunk", "is given together with [[trunks]]", "Keep one: asterisk.trunk does for a single trunk."
        )
    seen: dict[str, str] = {}
    for at, trunk in enumerate(trunks):
        for what, name in (("name", trunk.name), *(("lines", line) for line in trunk.lines)):
            key = f"trunks.{at}.{what}"
            if name in seen:
                yield ConfigProblem(key, f"stands in {seen[name]} already", "Say it once.", repr(name))
            seen.setdefault(name, key)


def _of_addresses(values: Mapping[str, Any]) -> list[ConfigProblem]:
    http, bitrix24, recording = values.get("http"), values.get("bitrix24"), values.get("recording")
    if http is None:
        return []
    public_url = str(getattr(http, "public_url", ""))
    found = []
    if bitrix24 is not None and public_url.startswith("http://") and not getattr(bitrix24, "allow_http", False):
        found.append(
            ConfigProblem(
                "http.public_url",
                "would let the portal send its tokens over plain http://",
                "Put a TLS proxy before the service and give its https:// address; "
                "in a closed network set bitrix24.allow_http = true.",
                repr(public_url),
            )
        )
    if getattr(recording, "deliver", "") == "url" and not public_url:
        found.append(
            ConfigProblem(
                "recording.deliver",
                "has the portal fetch recordings, but http.public_url does not say where",
                'Set http.public_url to the address the portal reaches this service at, or deliver = "upload".',
                "'url'",
            )
        )
    return found
