"""What a line of the log may say of an exception: its classes and where it came from, never its text.

An exception's text quotes what it met: an event's label, a name, a statement's values. Frames and the source lines in
them are the code's own words.
"""

from __future__ import annotations

import copy
import logging
import traceback
from collections.abc import Iterator
from typing import Any


class ContentFreeFormatter(logging.Formatter):
    """Formats records of any library: exceptions by their classes and frames, in messages by their classes alone."""

    def format(self, record: logging.LogRecord) -> str:
        # A copy, because other handlers keep the text of the exception in the record that they share.
        safe = copy.copy(record)
        safe.exc_text = None
        safe.args = _by_class(record)
        message = safe.getMessage()
        for error in _chain(_raised(record)):
            # Longest first: the one holds the other. (asyncio puts the exception into its message by itself.)
            for text in filter(None, (repr(error), str(error))):
                message = message.replace(text, type(error).__name__)
        safe.msg, safe.args = message, None
        return super().format(safe)

    def formatException(self, ei: Any) -> str:  # noqa: N802  (the standard library's name)
        _, error, frames = ei
        parts = []
        for one in _chain(error):
            tb = frames if one is error else one.__traceback__
            parts.append("".join(traceback.format_tb(tb)) + f"{type(one).__module__}.{type(one).__qualname__}")
        # The first one that was raised comes first, as in Python's own tracebacks.
        return "Traceback:\n" + "\n\nThen:\n".join(reversed(parts))


def _raised(record: logging.LogRecord) -> BaseException | None:
    return record.exc_info[1] if isinstance(record.exc_info, tuple) else None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The exception, what it was raised from, and so on."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _by_class(record: logging.LogRecord) -> Any:
    if isinstance(record.args, tuple):
        return tuple(_class_of_error(value) for value in record.args)
    if isinstance(record.args, dict):
        # Celery passes the text of a task's exception under this name, shortened and quoted in a way of its own.
        known = {"exc": type(_raised(record)).__name__} if "exc" in record.args else {}
        return {name: _class_of_error(value) for name, value in record.args.items()} | known
    return record.args


def _class_of_error(value: object) -> object:
    return type(value).__name__ if isinstance(value, BaseException) else value
