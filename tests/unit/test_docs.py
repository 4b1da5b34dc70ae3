"""The documentation names everything there is."""

import re
from pathlib import Path

import pytest

from sessions_app import errors, events

ROOT = Path(__file__).resolve().parent.parent.parent
SETTINGS = (ROOT / "linnet_sessions" / "settings.py").read_text()
SETTINGS_DOC = (ROOT / "docs" / "settings.md").read_text()
VARIABLES = sorted(set(re.findall(r'env\.\w+\(\s*"(\w+)"', SETTINGS)))
COMMANDS = sorted(
    path.stem for app in ("sessions_app", "snapshots") for path in ROOT.glob(f"{app}/management/commands/[a-z]*.py")
)


def test_there_are_settings_and_commands_to_look_for() -> None:
    assert {"SECRET_KEY", "SESSION_PAID_TTL_S"} < set(VARIABLES)
    assert {"bootstrap", "sweep", "verify_snapshots"} < set(COMMANDS)


@pytest.mark.parametrize("variable", VARIABLES)
def test_setting_is_documented(variable: str) -> None:
    assert f"| `{variable}` |" in SETTINGS_DOC
    assert re.search(rf"^#?{variable}=", (ROOT / ".env.example").read_text(), re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_command_is_documented(command: str) -> None:
    assert re.search(rf"^\| `{command}[ `]", SETTINGS_DOC, re.MULTILINE)


def test_errors_are_drawn_as_they_are() -> None:
    assert errors.__doc__ is not None
    drawn = dict(re.findall(r"── (\w+) +(E-[A-Z]+-\d{3})", errors.__doc__))
    assert drawn == {error.__name__: error.code for error in errors.all_errors()}


def test_error_codes_are_unique() -> None:
    codes = [error.code for error in errors.all_errors()]
    assert len(codes) == len(set(codes))


def test_decisions_are_listed() -> None:
    listed = re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", (ROOT / "docs" / "adr" / "README.md").read_text())
    assert listed == sorted(path.name for path in ROOT.glob("docs/adr/[0-9]*.md"))


def test_links_between_documents_lead_somewhere() -> None:
    for document in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


@pytest.mark.parametrize("event_type", events.KINDS)
def test_stored_fields_are_documented(event_type: str) -> None:
    api = (ROOT / "docs" / "api.md").read_text()
    row = next(line for line in api.splitlines() if line.startswith("| `") and f"`{event_type}`" in line.split("|")[1])
    kind = events.KINDS[event_type]
    assert {*kind.required, *kind.optional} == set(re.findall(r"`(\w+)`", row.split("|")[2]))


@pytest.mark.parametrize(
    "place", ["docs/operations.md", "deploy/systemd/linnet-sessions-worker.service", "deploy/compose.yml"]
)
def test_worker_has_a_node_name_of_its_own_wherever_it_is_started(place: str) -> None:
    lines = (ROOT / place).read_text().splitlines()
    commands = [line for line in lines if re.search(r"linnet_sessions,? worker\b", line)]
    assert commands
    assert all("--hostname" in command for command in commands)
