"""What a live session is made of: its row, its journal, what it resumes, and its user's plan and wishes."""

from sessions_app.models.journal import JournalBatch
from sessions_app.models.session import ResumedSnapshot, Session, SessionQuerySet
from sessions_app.models.user import Entitlement, Preferences

__all__ = ["Entitlement", "JournalBatch", "Preferences", "ResumedSnapshot", "Session", "SessionQuerySet"]
