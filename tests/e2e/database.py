"""The database of a stack: a SQLite file, or a database of its own on the server of the test run."""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol, Self
from urllib.parse import urlsplit

import psycopg
from psycopg import sql


class Database(Protocol):
    """What a stack needs of either kind. ``url`` is empty where the service finds the database by itself."""

    url: str

    def create(self) -> None:
        """Make it, empty."""

    def copy(self, made: Self) -> None:
        """Make it, as a copy of one that nobody is connected to."""

    def twin(self) -> Self:
        """Another of the same kind, not made yet."""

    def drop(self) -> None:
        """Remove it, where a failed test leaves nothing to look into."""

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Read it, past the service. The query must mean the same to both kinds."""

    def dump(self) -> Iterator[tuple[str, bytes]]:
        """All that is in it, if it is no file."""


def database_of_this_run(file: Path) -> Database:
    """On the server that ``DATABASE_URL`` names; or this file."""
    url = os.environ.get("DATABASE_URL", "")
    return _Postgres(url) if urlsplit(url).scheme in {"postgres", "postgresql", "psql", "pgsql"} else _File(file)


_with_tables: dict[type[Database], Any] = {}


def make_with_tables(database: Database, migrate: Callable[[], object]) -> None:
    """Make it with its tables: the first of a kind by its migrations, the others as copies.

    All migrations together take seconds, most of them those of libraries.
    """
    kind = type(database)
    if kind in _with_tables:
        database.copy(_with_tables[kind])
        return
    database.create()
    migrate()
    kept = database.twin()
    kept.copy(database)
    atexit.register(kept.drop)
    _with_tables[kind] = kept


class _File:
    url = ""

    def __init__(self, file: Path) -> None:
        self._file = file

    def create(self) -> None:
        """The first process that opens it makes it."""

    def copy(self, made: Self) -> None:
        shutil.copyfile(made._file, self._file)

    def twin(self) -> Self:
        folder = Path(tempfile.mkdtemp(prefix="linnet-tables-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return type(self)(folder / self._file.name)

    def drop(self) -> None:
        """Its folder is removed by whom it belongs to."""

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self._file}?mode=ro", uri=True, timeout=20)) as connection:
            return connection.execute(query).fetchall()

    def dump(self) -> Iterator[tuple[str, bytes]]:
        yield from ()


class _Postgres:
    def __init__(self, server: str) -> None:
        self._server = urlsplit(server)._replace(scheme="postgresql")
        self.name = f"linnet_e2e_{secrets.token_hex(6)}"
        self.url = self._url(self.name)

    def _url(self, database: str) -> str:
        return self._server._replace(path=f"/{database}").geturl()

    def create(self) -> None:
        self._administer("CREATE DATABASE {}", self.name)

    def copy(self, made: Self) -> None:
        self._administer("CREATE DATABASE {} TEMPLATE {}", self.name, made.name)

    def twin(self) -> Self:
        return type(self)(self._server.geturl())

    def drop(self) -> None:
        self._administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)

    def _administer(self, statement: str, *names: str) -> None:
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, options="-c default_transaction_read_only=on") as connection:
            return connection.execute(query.encode()).fetchall()

    def dump(self) -> Iterator[tuple[str, bytes]]:
        """Every row of every table as text, binary columns as hexadecimal digits."""
        tables = [name for (name,) in self.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        for table in tables:
            rows = self.rows(f'SELECT t::text FROM "{table}" t')
            yield f"table {table}", "\n".join(text for (text,) in rows).encode()
