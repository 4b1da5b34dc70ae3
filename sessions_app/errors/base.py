"""What every error is: a code, a status, a title, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One fault in what was sent: where it is, a stable code, and a sentence for a person."""

    field: str
    code: str
    message: str


class LinnetError(Exception):
    """The root. ``extra`` are further members of the problem document: JSON values, and datetimes."""

    code: ClassVar[str]
    status: int
    title: ClassVar[str]
    default_detail: ClassVar[str] = ""

    def __init__(self, detail: str = "", **extra: Any) -> None:
        self.detail = detail or self.default_detail
        self.extra = extra
        super().__init__(f"{self.code}: {self.detail}")


class FieldsError(LinnetError):
    """An error about particular fields: ``errors`` lists each fault, ``field`` names the first."""

    def __init__(self, problems: Sequence[FieldProblem], detail: str = "", **extra: Any) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        super().__init__(
            detail or f"{first.field}: {first.message}",
            field=first.field,
            errors=[{"field": p.field, "code": p.code, "message": p.message} for p in self.problems],
            **extra,
        )


def all_errors(root: type[LinnetError] = LinnetError) -> list[type[LinnetError]]:
    """Every error that has a code, by code."""
    below = [error for child in root.__subclasses__() for error in all_errors(child)]
    own = [root] if hasattr(root, "code") else []
    return sorted({*own, *below}, key=lambda error: error.code)
