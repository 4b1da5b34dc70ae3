"""The session row: the lease, the two clocks, and what became of it."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any, Self

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q

from sessions_app.lease import Clocks, CloseReason, Policy, State, expiry_reason
from sessions_app.tiers import Tier
from snapshots.models import SessionKey

#: A routing name such as a call or room id. Not a place for prose: staff tools don't show it, but it is not sealed.
TOPIC_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,119}$"


class SessionQuerySet(models.QuerySet["Session"]):
    """The reads and the lock. Start from :meth:`owned_by`: another user's id is then simply not found."""

    def owned_by(self, owner_id: int) -> Self:
        return self.filter(owner_id=owner_id)

    def live_at(self, now: datetime) -> Self:
        """Neither closed nor past the deadline, whether or not a sweep has been by."""
        return self.filter(state=State.ACTIVE, expires_at__gt=now)

    def overdue_at(self, now: datetime) -> Self:
        """Past the deadline and not closed yet."""
        return self.filter(state=State.ACTIVE, expires_at__lte=now)

    def matching(
        self,
        *,
        state: str = "",
        reason: str = "",
        topic: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Self:
        """Narrowed by what is given; ``since`` and ``until`` are about the start."""
        wanted = {
            "state": state,
            "close_reason": reason,
            "topic": topic,
            "started_at__gte": since,
            "started_at__lt": until,
        }
        return self.filter(**{name: value for name, value in wanted.items() if value})

    def with_key(self) -> Self:
        """The wrapped keys come with the row, in the same query."""
        return self.select_related("key__user_key")

    def locked(self, session_id: uuid.UUID) -> Self:
        """The row with its keys, locked until the transaction ends. Check its deadline only after it was fetched."""
        return self.with_key().select_for_update(of=("self",)).filter(pk=session_id)

    def lock(self, session_id: uuid.UUID) -> Session:
        """As :meth:`locked`, fetched.

        Raises:
            Session.DoesNotExist: no such row in this queryset.
        """
        return self.locked(session_id).get()


class Lifetime:
    """What follows from a session's columns, in whatever object they are."""

    @property
    def clocks(self: Any) -> Clocks:
        return Clocks(self.last_activity_at, self.idle_timeout, self.hard_expires_at)

    @property
    def is_closed(self: Any) -> bool:
        return bool(self.state == State.CLOSED)

    def is_overdue(self: Any, now: datetime) -> bool:
        """Past the deadline: over for everyone, though not closed yet."""
        return bool(not self.is_closed and self.expires_at <= now)

    def is_over(self: Any, now: datetime) -> bool:
        """Closed, or past the deadline: it takes nothing more."""
        return bool(self.is_closed or self.expires_at <= now)


class Session(Lifetime, models.Model):
    """One bounded annotated conversation of one user.

    ``sweep_after`` is a lazy deadline: activity moves ``expires_at`` and never touches it, so appends stay
    cheap updates of no index, and the sweep re-arms it when it finds the real deadline later (ADR 0002).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    tenant = models.CharField(max_length=64, blank=True, help_text="Who shares topics with the owner.")
    topic = models.CharField(max_length=120, blank=True, validators=[RegexValidator(TOPIC_PATTERN)])
    policy = models.CharField(max_length=10, choices=[(p.value, p.value) for p in Policy])
    tier = models.CharField(max_length=10, choices=[(t.value, t.value) for t in Tier])
    settings = models.JSONField(default=dict, blank=True, help_text="Linnet's own settings of this call.")
    stt_active = models.BooleanField(default=False)

    state = models.CharField(max_length=8, choices=[(s.value, s.value) for s in State], default=State.ACTIVE.value)
    close_reason = models.CharField(max_length=12, choices=[(r.value, r.value) for r in CloseReason], blank=True)
    started_at = models.DateTimeField()
    last_activity_at = models.DateTimeField()
    idle_timeout = models.DurationField(help_text="As the policy had it when the session started.")
    expires_at = models.DateTimeField()
    hard_expires_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    # Without a constraint: keys are destroyed first, and a row that outlives its key says so by itself.
    key = models.ForeignKey(
        SessionKey,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        null=True,
        editable=False,
        related_name="+",
    )
    token_mac = models.BinaryField(max_length=32, null=True, unique=True, editable=False)
    epoch = models.PositiveIntegerField(default=1)
    # With a default in the database too: a process of the version before goes on starting sessions meanwhile.
    leaseless = models.BooleanField(
        default=False,
        db_default=False,
        editable=False,
        help_text="Nobody was given its lease token: Linnet's own front end started it.",
    )

    last_seq = models.PositiveIntegerField(default=0)
    content_bytes = models.PositiveBigIntegerField(default=0, help_text="Size of the events before sealing.")
    speaker_count = models.PositiveIntegerField(default=0)
    labels = models.BinaryField(null=True, editable=False)
    labels_revision = models.PositiveIntegerField(default=0)

    snapshot_removed_at = models.DateTimeField(null=True, blank=True)
    snapshot_removed_because = models.CharField(max_length=8, blank=True)

    sweep_after = models.DateTimeField()
    close_attempts = models.PositiveSmallIntegerField(default=0)
    close_failed_at = models.DateTimeField(
        null=True, blank=True, help_text="When closing first failed; nothing is lost meanwhile."
    )
    close_error = models.CharField(max_length=40, blank=True)
    quarantined_at = models.DateTimeField(null=True, blank=True)

    objects = SessionQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at", "-id"]
        permissions = [
            ("end_session", "Can end a live session, saving its snapshot"),
            ("release_session", "Can release a session from quarantine"),
        ]
        indexes = [
            models.Index(fields=["owner", "-started_at", "-id"], name="session_owner_newest"),
            models.Index(fields=["-started_at", "-id"], name="session_newest"),  # for support staff
            models.Index(
                fields=["sweep_after"],
                name="session_sweep_due",
                condition=Q(state=State.ACTIVE.value, quarantined_at__isnull=True),
            ),
            models.Index(fields=["owner"], name="session_owner_live", condition=Q(state=State.ACTIVE.value)),
            models.Index(
                fields=["quarantined_at"],
                name="session_quarantined",
                condition=Q(quarantined_at__isnull=False),
            ),
        ]
        constraints = [
            models.CheckConstraint(name="session_policy_known", condition=Q(policy__in=[p.value for p in Policy])),
            models.CheckConstraint(name="session_tier_known", condition=Q(tier__in=[t.value for t in Tier])),
            models.CheckConstraint(
                name="session_reason_known",
                condition=Q(close_reason__in=["", *(r.value for r in CloseReason)]),
            ),
            models.CheckConstraint(
                name="session_state_and_reason_agree",
                condition=(
                    Q(
                        state=State.ACTIVE.value,
                        close_reason="",
                        closed_at__isnull=True,
                        token_mac__isnull=False,
                    )
                    | Q(state=State.CLOSED.value, closed_at__isnull=False, token_mac__isnull=True) & ~Q(close_reason="")
                ),
            ),
            models.CheckConstraint(
                name="session_clocks_in_order",
                condition=Q(
                    started_at__lte=F("last_activity_at"),
                    last_activity_at__lte=F("expires_at"),
                    expires_at__lte=F("hard_expires_at"),
                ),
            ),
            models.CheckConstraint(name="session_epoch_from_one", condition=Q(epoch__gte=1)),
            models.CheckConstraint(
                name="session_quarantine_is_live",
                condition=Q(quarantined_at__isnull=True) | Q(state=State.ACTIVE.value),
            ),
            # One holder of a topic is a fact of the database. A session that is past its deadline and could
            # not be closed yet holds nothing any more.
            models.UniqueConstraint(
                name="session_one_live_per_owner_and_topic",
                fields=["owner", "topic"],
                condition=Q(state=State.ACTIVE.value, close_failed_at__isnull=True) & ~Q(topic=""),
            ),
            models.UniqueConstraint(
                name="session_one_live_per_tenant_and_topic",
                fields=["tenant", "topic"],
                condition=Q(state=State.ACTIVE.value, close_failed_at__isnull=True) & ~Q(topic="") & ~Q(tenant=""),
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def reason_at_deadline(self) -> CloseReason:
        if self.expires_at < self.clocks.expires_at:
            # Only its user brings a deadline forward: by an end that could not be saved at once.
            return CloseReason.ENDED
        return expiry_reason(Policy(self.policy), expires_at=self.expires_at, hard_expires_at=self.hard_expires_at)

    @property
    def duration(self) -> timedelta:
        """From the start to the close, or to the last activity while it is live."""
        return (self.closed_at or self.last_activity_at) - self.started_at


class ResumedSnapshot(models.Model):
    """A snapshot whose history a session shows. A link, never a copy: the snapshot may be gone later."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="resumed")
    snapshot_id = models.UUIDField()
    source_session_id = models.UUIDField(help_text="The session that the snapshot was made of.")
    events = models.PositiveIntegerField()
    after_seq = models.PositiveIntegerField(help_text="Where the break in the timeline shows.")
    imported_at = models.DateTimeField()

    class Meta:
        # Not by id: one that was handed on is younger than what came after it.
        ordering = ["imported_at", "id"]
        constraints = [
            models.UniqueConstraint(name="resumed_once_per_session", fields=["session", "snapshot_id"]),
        ]

    def __str__(self) -> str:
        return f"{self.session_id} resumes {self.snapshot_id}"
