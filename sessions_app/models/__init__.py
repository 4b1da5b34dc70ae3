"""A session: its row, its journal, what it resumes; its user's plan and wishes; and who annotates it."""

from sessions_app.models.annotator import Annotator
from sessions_app.models.journal import JournalBatch
from sessions_app.models.session import ResumedSnapshot, Session, SessionQuerySet
from sessions_app.models.ticket import Ticket
from sessions_app.models.user import Entitlement, Preferences

__all__ = [
    "Annotator",
    "Entitlement",
    "JournalBatch",
    "Preferences",
    "ResumedSnapshot",
    "Session",
    "SessionQuerySet",
    "Ticket",
]
