"""What a line of the log says of an exception: classes and places, never its text."""

import asyncio
import logging
from collections.abc import Iterator
from io import StringIO

import pytest

from linnet_sessions.logs import ContentFreeFormatter

WORDS = "somebody's words"


class Quoting(Exception):
    """An exception that quotes content; its ``repr`` is another text than its ``str``."""


def _inner() -> None:
    raise Quoting(WORDS, WORDS)


def _outer(*, hide: bool = False) -> None:
    try:
        _inner()
    except Quoting as error:
        if hide:
            raise RuntimeError(WORDS) from None
        raise RuntimeError(f"because of {WORDS}") from error


def formatted(message: object, *args: object, error: BaseException | None = None) -> str:
    """As the formatter writes it, when another handler has formatted the record before."""
    exc_info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("a.logger", logging.ERROR, __file__, 1, message, args, exc_info)
    logging.Formatter().format(record)
    text = ContentFreeFormatter("%(levelname)s %(name)s %(message)s").format(record)
    assert WORDS not in text
    return text


def caught(*, hide: bool = False) -> RuntimeError:
    with pytest.raises(RuntimeError) as found:
        _outer(hide=hide)
    return found.value


def test_lines_without_an_exception_are_as_they_are() -> None:
    assert formatted("started %s of %d", "one", 2) == "ERROR a.logger started one of 2"
    assert formatted("at %(where)s", {"where": "home"}) == "ERROR a.logger at home"
    assert formatted("100 %") == "ERROR a.logger 100 %"


def test_traceback_has_places_and_classes_of_the_whole_chain() -> None:
    text = formatted("failed", error=caught())
    assert text.startswith("ERROR a.logger failed\nTraceback:\n")
    for found in ("in _outer", "in _inner", "raise Quoting(WORDS, WORDS)", __file__):
        assert found in text
    assert text.index("test_logs.Quoting") < text.index("builtins.RuntimeError")


def test_exception_that_hides_another_is_told_alone() -> None:
    text = formatted("failed", error=caught(hide=True))
    assert "builtins.RuntimeError" in text
    assert "Quoting" not in text


def test_chain_in_a_circle_ends() -> None:
    error = caught()
    error.__cause__.__cause__ = error  # type: ignore[union-attr]
    assert "Quoting" in formatted("failed", error=error)


def test_exception_among_the_arguments_is_its_class() -> None:
    assert formatted("failed: %s", Quoting(WORDS)) == "ERROR a.logger failed: Quoting"
    assert formatted("failed: %(error)r", {"error": Quoting(WORDS)}) == "ERROR a.logger failed: 'Quoting'"


def test_message_that_repeats_the_exception_has_its_class() -> None:
    error = caught()
    for said in (str(error), repr(error), str(error.__cause__), repr(error.__cause__)):
        formatted(f"failed: {said}", error=error)
        formatted("failed: %s", said, error=error)
    assert "failed: RuntimeError" in formatted(f"failed: {error!r}", error=error)


def test_text_that_celery_made_of_an_exception_is_its_class() -> None:
    said = {"name": "task", "exc": "Quoting('somebody's wo...')"}
    assert "somebody" not in formatted("Task %(name)s raised: %(exc)s", said, error=caught())
    assert "somebody" not in formatted("Task %(name)s raised: %(exc)s", said)


def test_notes_on_an_exception_are_not_written() -> None:
    error = caught()
    error.add_note(WORDS)
    formatted("failed", error=error)


def test_record_that_was_formatted_keeps_its_text_for_other_handlers() -> None:
    error = caught()
    record = logging.LogRecord("a", logging.ERROR, __file__, 1, "%s", (error,), (type(error), error, None))
    ContentFreeFormatter().format(record)
    assert record.args == (error,)
    assert record.exc_text is None


def test_exception_of_a_task_that_nobody_waited_for() -> None:
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(ContentFreeFormatter())
    logger = logging.getLogger("asyncio")

    async def fail() -> None:
        _inner()

    async def lose() -> None:
        asyncio.get_running_loop().create_task(fail())
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    logger.addHandler(handler)
    try:
        asyncio.run(lose())
    finally:
        logger.removeHandler(handler)
    assert "Task exception was never retrieved" in stream.getvalue()
    assert "in _inner" in stream.getvalue()
    assert WORDS not in stream.getvalue()


def test_each_handler_of_the_settings_writes_like_this() -> None:
    from django.conf import settings

    formatters = settings.LOGGING["formatters"]
    for handler in settings.LOGGING["handlers"].values():
        assert formatters[handler["formatter"]]["class"] == f"{ContentFreeFormatter.__module__}.ContentFreeFormatter"
    assert any(isinstance(handler.formatter, ContentFreeFormatter) for handler in logging.getLogger().handlers)


@pytest.fixture
def _worker_that_warns() -> Iterator[None]:
    """As ``celery worker --loglevel WARNING`` sets it: the root's level."""
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.WARNING)
    yield
    root.setLevel(before)


@pytest.mark.usefixtures("_worker_that_warns")
@pytest.mark.parametrize("name", ["linnet_sessions.x", "sessions_app.services.closing", "snapshots.services.x"])
def test_what_is_closed_and_purged_is_told_by_a_worker_that_warns(name: str) -> None:
    assert logging.getLogger(name).isEnabledFor(logging.INFO)
    assert not logging.getLogger("a.library").isEnabledFor(logging.INFO)
