"""Settings from the environment: what can't be read stops the process with a sentence that names it."""

import pytest

from linnet_sessions.environment import Environment, folder_of

env = Environment()


def read(monkeypatch: pytest.MonkeyPatch, reader: str, text: str, **more: object) -> object:
    monkeypatch.setenv("WANTED", text)
    return getattr(env, reader)("WANTED", **more)


@pytest.mark.parametrize(
    ("text", "found"),
    [("true", True), ("ON", True), (" Yes", True), ("1", True), ("False", False), ("off", False), ("0", False)],
)
def test_truth_value(text: str, found: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, "bool", text, default=not found) is found


@pytest.mark.parametrize(("text", "found"), [("0", 0), ("-5", -5), (" 90 ", 90), ("999999999", 999_999_999)])
def test_whole_number(text: str, found: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, "int", text, default=7) == found


def test_default_holds_where_nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANTED", raising=False)
    assert (env.int("WANTED", default=7), env.bool("WANTED", default=True)) == (7, True)
    assert env.db_url("WANTED", default="sqlite:////x/db.sqlite3")["NAME"] == "/x/db.sqlite3"


def test_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    database = read(monkeypatch, "db_url", "postgres://u:p@h:5433/n?sslmode=require")
    assert isinstance(database, dict)
    assert (database["HOST"], database["PORT"], database["OPTIONS"]) == ("h", 5433, {"sslmode": "require"})
    cache = read(monkeypatch, "cache_url", "redis://h:6379/5")
    assert isinstance(cache, dict)
    assert cache["LOCATION"] == "redis://h:6379/5"


@pytest.mark.filterwarnings("ignore:Engine not recognized")
@pytest.mark.parametrize(
    ("reader", "text", "told"),
    [
        ("bool", "", "must be true or false"),
        ("bool", "enabled", "must be true or false"),
        ("bool", "2", "must be true or false"),
        ("int", "", "must be a whole number"),
        ("int", "abc", "must be a whole number"),
        ("int", "1e3", "must be a whole number"),
        ("int", "--1", "must be a whole number"),
        ("int", "1" * 10, "of at most 9 digits"),
        ("db_url", "", "must be the address of a PostgreSQL database"),
        ("db_url", "hush", "must be the address of a PostgreSQL database"),
        ("db_url", "mysql://u:hush@h/n", "must be the address of a PostgreSQL database"),
        ("db_url", "postgres://u:hush@h:port/n", "must be the address of a PostgreSQL database"),
        ("cache_url", "", "must be the address of a cache"),
        ("cache_url", "hush", "must be the address of a cache"),
        ("cache_url", "nothing://u:hush@h", "must be the address of a cache"),
        ("secret", "", "must be set"),
    ],
)
def test_what_cannot_be_read_is_named(reader: str, text: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The library guesses a type by the default, so it has to be there.
    default = {"bool": {"default": False}, "int": {"default": 7}}.get(reader, {})
    with pytest.raises(SystemExit) as stopped:
        read(monkeypatch, reader, text, **default)
    sentence = str(stopped.value)
    assert sentence.startswith("Linnet Sessions did not start. WANTED must ")
    assert told in sentence
    assert "hush" not in sentence
    # Only of what has one.
    assert ("default" in sentence) is (reader != "secret")


def test_folder_that_cannot_be_made_is_named() -> None:
    with pytest.raises(SystemExit, match="LOG_FILE must be a file in a folder that can be written"):
        folder_of("/proc/none/linnet.log", var="LOG_FILE")
