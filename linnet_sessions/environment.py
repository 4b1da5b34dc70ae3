"""django-environ with clear refusals: a value that can't be read stops the process with one sentence that names it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import environ

_TRUE = {"true", "on", "yes", "y", "1"}
_FALSE = {"false", "off", "no", "n", "0"}
#: More digits than any number here needs, and fewer than would be too many for a duration.
_MOST_DIGITS = 9
_DATABASES = {"django.db.backends.sqlite3", "django.db.backends.postgresql"}


# The library has no types.
class Environment(environ.Env):  # type: ignore[misc]
    """Reads settings. Addresses are never repeated in a refusal: they may hold a password.

    The library's own readers take what they don't know for false, or let the error of some later line name neither
    the variable nor what it should be. An empty number, truth value or address is refused too, because "the default"
    is not what an operator meant whose template left a gap.
    """

    def secret(self, var: str) -> str:
        """A text that must be there.

        Raises:
            SystemExit: it is missing or empty.
        """
        text: str = self.str(var, default="")
        return text or _refuse(
            var, "be set: `make run` makes one on one machine, docs/operations.md says how in production", instead=""
        )

    def bool(self, var: str, default: Any = environ.Env.NOTSET) -> bool:
        """A truth value.

        Raises:
            SystemExit: it is none.
        """
        text = str(self.get_value(var, cast=str, default=default)).strip().lower()
        if text not in _TRUE | _FALSE:
            _refuse(var, "be true or false")
        return text in _TRUE

    def int(self, var: str, default: Any = environ.Env.NOTSET) -> int:
        """A whole number.

        Raises:
            SystemExit: it is none, or longer than any that makes sense.
        """
        text = str(self.get_value(var, cast=str, default=default)).strip()
        if not text.removeprefix("-").isdecimal() or len(text) > _MOST_DIGITS:
            _refuse(var, f"be a whole number of at most {_MOST_DIGITS} digits")
        return int(text)

    def db_url(
        self, var: str = "DATABASE_URL", default: Any = environ.Env.NOTSET, engine: Any = None
    ) -> dict[str, Any]:
        """A database of a kind that this service runs on.

        Raises:
            SystemExit: it is none.
        """
        found: dict[str, Any] = {}
        with suppress(ValueError, KeyError, environ.ImproperlyConfigured):
            found = super().db_url(var, default=default, engine=engine)
        if found.get("ENGINE") not in _DATABASES:
            _refuse(var, "be the address of a PostgreSQL database, such as postgres://user:password@host:5432/name")
        return found

    def cache_url(
        self, var: str = "CACHE_URL", default: Any = environ.Env.NOTSET, backend: Any = None
    ) -> dict[str, Any]:
        """A cache.

        Raises:
            SystemExit: it is none.
        """
        try:
            found: dict[str, Any] = super().cache_url(var, default=default, backend=backend)
        except (ValueError, KeyError, environ.ImproperlyConfigured):
            _refuse(var, "be the address of a cache, such as redis://host:6379/0")
        return found


def folder_of(file: str, *, var: str) -> None:
    """Make the folder that a file will be in.

    Raises:
        SystemExit: it can't be made.
    """
    try:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        _refuse(var, f"be a file in a folder that can be written ({error.strerror})")


def _refuse(var: str, must: str, *, instead: str = " Set it, or remove it to use the default.") -> NoReturn:
    raise SystemExit(f"Linnet Sessions did not start. {var} must {must}.{instead}")
