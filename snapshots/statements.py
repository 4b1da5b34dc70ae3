"""Statements that are put together once: for the few that every append and every close runs.

Django's ORM writes the SQL of a query anew each time, which takes several times as long as running it (docs/adr/0018).
Here the query is still said in the ORM's words, and its SQL kept; only its parameters change.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import AutoField, Field, Model, QuerySet
from django.db.models.query import get_related_populators
from django.db.models.sql.compiler import SQLCompiler

M = TypeVar("M", bound=Model)

#: Its stubs are of a later Django, where it takes one argument more.
_populators: Callable[..., Sequence[Any]] = get_related_populators


@dataclass(frozen=True, slots=True)
class _Compiled:
    """What the ORM's compiler made of a query."""

    sql: str
    parameters: tuple[Any, ...]  # as of the samples
    slots: Mapping[int, str]  # which of them are to be replaced, and by what
    compiler: SQLCompiler
    converters: Any
    names: Sequence[str]  # of the object's own columns
    columns: slice  # where these are in the row
    related: Sequence[Any]  # what puts together the objects that are selected with it


class OneRow(Generic[M]):
    """A query for one object, by the values of some fields.

    Args:
        build: makes the query from those values, as any code would.
        by: the field that each of the values is compared with.
    """

    def __init__(self, build: Callable[..., QuerySet[M]], **by: Field[Any, Any]) -> None:
        self._build = build
        self._by = by
        self._compiled: dict[str, _Compiled] = {}  # by the kind of database

    def get(self, **values: Any) -> M | None:
        """The object; None if there is none."""
        compiled = self._compiled.get(connection.vendor) or self._compile()
        parameters = list(compiled.parameters)
        for position, name in compiled.slots.items():
            parameters[position] = self._by[name].get_db_prep_value(values[name], connection)
        with connection.cursor() as cursor:
            cursor.execute(compiled.sql, parameters)
            row = cursor.fetchone()
        return None if row is None else self._read(compiled, row)

    def _compile(self) -> _Compiled:
        samples = {name: _sample(field, number) for number, (name, field) in enumerate(self._by.items())}
        query = self._build(**samples).query
        compiler = query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        prepared = {self._by[name].get_db_prep_value(value, connection): name for name, value in samples.items()}
        slots = {position: prepared[value] for position, value in enumerate(parameters) if value in prepared}
        if set(slots.values()) != set(samples):
            raise ValueError("each value must be a parameter of the query, as it is")
        converters = compiler.get_converters([column[0] for column in compiler.select[: compiler.col_count]])
        own = compiler.klass_info["select_fields"]
        columns = slice(own[0], own[-1] + 1)
        compiled = _Compiled(
            sql=sql,
            parameters=tuple(parameters),
            slots=slots,
            compiler=compiler,
            converters=converters,
            names=[column[0].target.attname for column in compiler.select[columns]],
            columns=columns,
            related=_populators(compiler.klass_info, compiler.select, DEFAULT_DB_ALIAS),
        )
        self._compiled[connection.vendor] = compiled
        return compiled

    @staticmethod
    def _read(compiled: _Compiled, row: Sequence[Any]) -> M:
        """The object of a row, with what was selected with it: as the ORM's own iterator does it."""
        [values] = compiled.compiler.apply_converters([row], compiled.converters)
        model: type[M] = compiled.compiler.klass_info["model"]
        found = model.from_db(DEFAULT_DB_ALIAS, compiled.names, values[compiled.columns])
        for populator in compiled.related:
            populator.populate(values, found)
        return found


def _sample(field: Any, number: int) -> Any:
    """A value of the field's type that no query has by itself."""
    kind = (field.target_field if field.is_relation else field).get_internal_type()
    return {
        "UUIDField": uuid.uuid4(),
        "CharField": uuid.uuid4().hex,
        "DateTimeField": datetime(1987, 6, 5, 4, 3, 2, number, tzinfo=UTC),
    }.get(kind, 1_987_650_000 + number)


def add_stored_bytes(owner_id: int, size: int) -> None:
    """Count what a new snapshot takes to what its owner's snapshots take."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE snapshots_userkey SET stored_bytes = stored_bytes + %s WHERE owner_id = %s", [size, owner_id]
        )


def insert(model: type[Model], rows: Sequence[Any]) -> None:
    """Store new rows: anything with the model's columns. A key that the database makes they don't learn."""
    sql, fields = _insertable(model)
    parameters = [[field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields] for row in rows]
    with connection.cursor() as cursor:
        if len(rows) == 1:
            cursor.execute(sql, parameters[0])
        else:
            cursor.executemany(sql, parameters)


@cache
def _insertable(model: type[Model]) -> tuple[str, tuple[Any, ...]]:
    fields = tuple(field for field in model._meta.concrete_fields if not isinstance(field, AutoField))
    columns = ", ".join(str(field.column) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    return f"INSERT INTO {model._meta.db_table} ({columns}) VALUES ({places})", fields  # noqa: S608  (our own columns)
